//! A closer look at the places of a block that may be something: only here the bytes are read one by
//! one, and the grammars of the kinds decide.

use super::batch::Worth;
use super::{Found, Hit, Scanner, Text, ranges, raw, wide};
use crate::carve::ioc::{Form, Ioc};
use crate::carve::kinds;
use std::ops::Range;

/// Ends of what was looked at already, so that it is not looked at again from within.
#[derive(Clone, Copy, Default)]
pub(super) struct Until {
    pub(super) hidden: usize,
    pub(super) member: usize,
    wide: usize,
    word: usize,
}

/// Looks closer.
pub(super) struct Closer<'a> {
    pub(super) scanner: &'a Scanner,
    pub(super) text: &'a Text<'a>,
    /// Where an anchor must lie.
    pub(super) owned: &'a Range<usize>,
}

impl Closer<'_> {
    /// Looks at the block at `at`: at these grams of literals, at these words of sixteen letters and
    /// digits, and at all else.
    #[inline(never)]
    pub(super) fn look(
        &self,
        at: usize,
        worth: &Worth,
        grams: u64,
        words: u64,
        until: &mut Until,
        found: &mut Found,
    ) {
        let each = |mut mask: u64, examine: &mut dyn FnMut(usize)| {
            while mask != 0 {
                examine(at + mask.trailing_zeros() as usize);
                mask &= mask - 1;
            }
        };
        let (text, owned) = (self.text, self.owned);
        each(worth.raw, &mut |here| raw::look(text, here, until, owned, found));
        each(worth.wide, &mut |here| {
            if here >= until.wide {
                until.wide = wide::run(self.scanner, text, here, owned, found).max(here + 1);
            }
        });
        if worth.head && worth.text {
            (at.saturating_sub(6)..at).for_each(|here| self.anchor(here, found));
            if let Some(at) = at.checked_sub(4)
                && self.scanner.grams.maybe(text, at)
            {
                self.literal(at, found);
            }
        }
        each(grams, &mut |here| self.literal(here, found));
        each(worth.anchor, &mut |here| self.anchor(here, found));
        each(words, &mut |here| {
            if here >= until.word {
                until.word = kinds::word(text, here, owned, found);
            }
        });
    }

    /// Looks at an anchor of text that begins here, if one does.
    pub(super) fn anchor(&self, here: usize, found: &mut Found) {
        let text = self.text;
        let url = text.byte(here) == b':' && text.byte(here + 1) == b'/';
        let at = if url { here } else { here + 1 };
        if self.owned.contains(&at) {
            match text.byte(at) {
                b':' => kinds::colon(text, at, found),
                b'.' => {
                    kinds::dots(text, at, found);
                    ranges::dot(&self.scanner.ranges, text, at, self.owned, found);
                }
                b'@' => kinds::at_sign(text, at, found),
                _ => {}
            }
        }
    }

    /// Looks at a gram that may be a literal's.
    fn literal(&self, at: usize, found: &mut Found) {
        self.scanner.grams.verify(self.text.bytes, at, |number, start, end| {
            self.examine(usize::from(number), start, end, found);
        });
    }

    /// Has the owner of a literal look at where it stands.
    pub(super) fn examine(&self, number: usize, start: usize, end: usize, found: &mut Found) {
        let (scanner, text) = (self.scanner, self.text);
        if !self.owned.contains(&start) {
            return;
        }
        match scanner.owners.get(number) {
            Some((examine, own)) => examine(text, start..end, *own, found),
            None => {
                if let Some(ioc) = scanner.listed.get(number - scanner.owners.len()) {
                    listed(text, start..end, ioc, found);
                }
            }
        }
    }
}

/// An entry of the user's lists, where it stands for itself.
fn listed(text: &Text<'_>, range: Range<usize>, ioc: &Ioc, found: &mut Found) {
    if ioc.form == Form::Range {
        return ranges::groups(ioc, text, range.start, found);
    }
    let (end, here) = (range.end, text.slice(range.clone()));
    if ioc.stands(text.before(range.start), here, text.byte(end), text.byte(end + 1)) {
        let why = format!("listed in {} as {} {}", ioc.list, ioc.form.word(), ioc.label);
        let hit = Hit::new("ioc", range.start, ioc.literal(), why.trim_end());
        found.add(text, hit.detail(ioc.form.word()));
    }
}
