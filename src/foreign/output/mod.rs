//! What programs print, read: `ps`, `ls -l`, `ss`, `mount`, bodyfiles. Parsers take bytes and give
//! rows; a line that is not understood is left out.

pub(super) mod bodyfile;
pub(super) mod last;
pub(super) mod ls;
pub(super) mod lsof;
pub(super) mod mounts;
pub(super) mod ps;
pub(super) mod ss;

/// The lines of a text, without their ends.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (line, after) = match memchr::memchr(b'\n', text) {
            Some(end) => (text.get(..end)?, text.get(end.saturating_add(1)..)),
            None => (text, None),
        };
        rest = after;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    })
}

/// The words of a line.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty())
}

/// A number in decimal digits.
pub(super) fn number<T: std::str::FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.trim().parse().ok()
}

/// What stands after so many words, the blanks before it left out.
pub(super) fn after_words(line: &[u8], count: usize) -> &[u8] {
    let mut rest = line;
    for _ in 0..count {
        let blank = |b: &u8| matches!(b, b' ' | b'\t');
        let start = rest.iter().position(|b| !blank(b)).unwrap_or(rest.len());
        rest = rest.get(start..).unwrap_or_default();
        let end = rest.iter().position(blank).unwrap_or(rest.len());
        rest = rest.get(end..).unwrap_or_default();
    }
    let start = rest.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(rest.len());
    rest.get(start..).unwrap_or_default()
}

/// Where a text stands in another.
pub(super) fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}

/// Before and after the first occurrence.
pub(super) fn split<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = find(text, at)?;
    Some((text.get(..place)?, text.get(place.checked_add(at.len())?..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_are_what_stands_between_their_ends(text in "[a\r\n]{0,12}") {
            let apart: Vec<&[u8]> = text.as_bytes().split(|b| *b == b'\n')
                .map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
            prop_assert_eq!(lines(text.as_bytes()).collect::<Vec<_>>(), apart);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            for line in lines(&bytes) {
                let _ = (after_words(line, 3), words(line).count(), split(line, b" -> "));
            }
            let _ = ls::links(&bytes);
            let _ = ls::blocks(&bytes);
            let _ = ps::table(&bytes);
            let _ = ss::sockets(&bytes);
            let _ = mounts::mountinfo(&bytes, &[]);
            let _ = bodyfile::parse(&bytes).count();
        }

        #[test]
        fn nearly_lines_do_not_panic(text in "(([lrwx-]{10}|USER|PID|COMMAND|tcp|p_raw|LISTEN|0\\|/a) *(->|\\||:|[0-9]*| )*\n?){0,12}") {
            let bytes = text.as_bytes();
            let _ = ls::links(bytes);
            let _ = ls::blocks(bytes);
            let _ = ps::table(bytes);
            let _ = ss::sockets(bytes);
            let _ = bodyfile::parse(bytes).count();
        }
    }
}
