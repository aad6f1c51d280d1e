//! What the kernel laid at the top of a process's stack when it began: its arguments and environment.
//! Of the arguments the notes keep 79 bytes, and some dumpers the name alone. As in `/proc/PID/cmdline`
//! the process may have changed them since.

use super::Layout;
use super::notes::Fields;
use memchr::memmem;
use std::ops::Range;

/// Bytes looked at: arguments and environment that are longer are not found.
const REACH: u64 = 512 << 10;

/// Arguments, and variables, believed.
const MOST: usize = 16_384;

/// With what a process began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Began {
    /// Its arguments.
    pub arguments: Vec<Vec<u8>>,
    /// Its environment, as in `/proc/PID/environ`.
    pub environment: Vec<u8>,
}

impl Layout {
    /// Where in the dump the top of its stack lies.
    #[must_use]
    pub fn stack(&self) -> Option<Range<u64>> {
        let top = self.top?;
        let holds = |s: &&super::Segment| top.checked_sub(s.address).is_some_and(|at| at < s.size);
        let segment = self.segments.iter().find(holds)?;
        let at = segment.offset.checked_add(top - segment.address)?;
        let end = segment.offset.checked_add(segment.size)?.min(at.saturating_add(REACH));
        Some(at.saturating_sub(REACH).max(segment.offset)..end)
    }

    /// From the bytes at [`Layout::stack`].
    #[must_use]
    pub fn began(&self, stack: &[u8]) -> Option<Began> {
        let (base, _) = self.address(self.stack()?.start)?;
        let fields = Fields { bytes: stack, little: self.little, wide: self.wide };
        // Below the strings lie the vectors: a count, arguments, nothing, variables, nothing, and what
        // the notes repeat.
        let vector =
            self.auxiliary.get(..2 * fields.size()).filter(|pair| pair.iter().any(|b| *b != 0))?;
        memmem::rfind_iter(stack, vector)
            .filter(|at| stack.get(*at..).is_some_and(|rest| rest.starts_with(&self.auxiliary)))
            .find_map(|at| {
                let (variables, before) = pointers(fields, at, |value, _| value == 0)?;
                let (arguments, _) = pointers(fields, before, |value, count| value == count)?;
                let text = |pointer: &u64| {
                    let from = usize::try_from(pointer.checked_sub(base)?).ok()?;
                    let bytes = stack.get(from..)?;
                    bytes.get(..memchr::memchr(0, bytes)?).map(<[u8]>::to_vec)
                };
                let arguments = arguments.iter().map(text).collect::<Option<_>>()?;
                let environment = variables.iter().map(text).collect::<Option<Vec<_>>>()?;
                Some(Began { arguments, environment: environment.join(&0) })
            })
    }
}

/// The pointers that end, with a null one, before `end`: back to what `first` knows, by its value and their
/// count, to stand before the first of them. With the place of that first one.
fn pointers(
    fields: Fields<'_>,
    end: usize,
    first: impl Fn(u64, u64) -> bool,
) -> Option<(Vec<u64>, usize)> {
    let size = fields.size();
    let mut at = end.checked_sub(size)?;
    if fields.word(at)? != 0 {
        return None;
    }
    let mut all = Vec::new();
    loop {
        let before = at.checked_sub(size)?;
        let value = fields.word(before)?;
        if first(value, all.len() as u64) {
            all.reverse();
            return Some((all, at));
        }
        if all.len() == MOST {
            return None;
        }
        all.push(value);
        at = before;
    }
}
