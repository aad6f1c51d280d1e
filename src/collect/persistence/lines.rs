//! Lines of a file, with their numbers: as they stand, and with continuations joined.

/// The lines as they stand, without their ends.
pub(super) fn physical(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    bytes
        .split(|b| *b == b'\n')
        .zip(1_u32..)
        .map(|(line, number)| (number, line.strip_suffix(b"\r").unwrap_or(line)))
}

/// Lines with those that end in a backslash joined to the next, numbered by their first.
pub(super) fn logical(bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut all: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut open = false;
    for (number, line) in physical(bytes) {
        let slashes = line.iter().rev().take_while(|b| **b == b'\\').count();
        let goes_on = slashes % 2 == 1;
        let text = if goes_on { line.get(..line.len() - 1).unwrap_or_default() } else { line };
        match all.last_mut() {
            Some((_, joined)) if open => {
                joined.push(b' ');
                joined.extend_from_slice(text.trim_ascii_start());
            }
            _ => all.push((number, text.to_vec())),
        }
        open = goes_on;
    }
    all
}

/// Splits off the first word, at blanks.
pub(super) fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii_start();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, b""));
    (word, rest.trim_ascii())
}

/// `NAME = value`: the name and the value, where the line is an assignment and no more.
pub(super) fn assignment(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = memchr::memchr(b'=', line)?;
    let (name, value) = line.split_at_checked(equals)?;
    let name = name.trim_ascii();
    let starts = name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    let plain = name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    (starts && plain).then(|| (name, value.get(1..).unwrap_or_default().trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn continuations() {
        let lines = logical(b"a \\\n  b\\\nc\nd\\\\\ne\\");
        let expected: Vec<(u32, Vec<u8>)> =
            vec![(1, b"a  b c".to_vec()), (4, b"d\\\\".to_vec()), (5, b"e".to_vec())];
        assert_eq!(lines, expected);
    }

    #[test]
    fn assignments() {
        assert_eq!(assignment(b"MAILTO=root"), Some((&b"MAILTO"[..], &b"root"[..])));
        assert_eq!(assignment(b" PATH = /bin"), Some((&b"PATH"[..], &b"/bin"[..])));
        assert_eq!(assignment(b"* * * * * x=1 y"), None);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            prop_assert!(logical(&bytes).len() <= bytes.len() + 1);
            for (_, line) in physical(&bytes) {
                let _ = (word(line), assignment(line));
            }
        }
    }
}
