//! Takes a file of rules apart, so that one that does not compile keeps no other back. Only where
//! rules begin and end is looked for: in text, in comments and in patterns braces do not count.

/// A rule's text, with the imports that stood before it.
pub(super) struct Part {
    pub(super) text: String,
    /// Lines before it.
    pub(super) line: usize,
}

/// The rules of a file, each on its own.
pub(super) fn rules(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut imports = String::new();
    let (mut begin, mut depth) = (0, 0_u32);
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let mut at = 0;
    // The last byte that is no blank: a slash after `=` or `(` begins a pattern, not a comment.
    let mut last = 0;
    while at < bytes.len() {
        match (byte(at), byte(at + 1)) {
            (b'/', b'/') => {
                at = end_of(bytes, at, b"\n");
                continue;
            }
            (b'/', b'*') => {
                at = end_of(bytes, at + 2, b"*/");
                continue;
            }
            (b'/', _) if depth > 0 && matches!(last, b'=' | b'(' | b's') => {
                at = closed(bytes, at + 1, b'/');
                last = b'/';
                continue;
            }
            (b'"', _) => {
                let start = at;
                at = closed(bytes, at + 1, b'"');
                let before = text.get(begin..start).unwrap_or_default();
                if depth == 0 && before.trim_end().ends_with("import") {
                    imports.push_str("import ");
                    imports.push_str(text.get(start..at).unwrap_or_default());
                    imports.push(' ');
                    begin = at;
                } else if depth == 0 && before.trim_end().ends_with("include") {
                    begin = at;
                }
                last = b'"';
                continue;
            }
            // A rule that begins before the last has ended: the last is broken.
            (b'r' | b'p' | b'g', _) if depth > 0 && begins_rule(text, at) => {
                let line = text.get(..begin).unwrap_or_default().matches('\n').count();
                let rule = text.get(begin..at).unwrap_or_default();
                parts.push(Part { text: format!("{imports}{rule}"), line });
                (begin, depth) = (at, 0);
            }
            (b'{', _) => depth += 1,
            (b'}', _) => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    let rule = text.get(begin..=at).unwrap_or_default();
                    let own = rule.trim_start();
                    let line = text.get(..begin + rule.len() - own.len()).unwrap_or_default();
                    let line = line.matches('\n').count();
                    parts.push(Part { text: format!("{imports}{own}"), line });
                    begin = at + 1;
                }
            }
            _ => {}
        }
        if !byte(at).is_ascii_whitespace() {
            last = byte(at);
        }
        at += 1;
    }
    let rest = text.get(begin..).unwrap_or_default();
    if rest.contains("rule ") {
        let line = text.get(..begin).unwrap_or_default().matches('\n').count();
        parts.push(Part { text: format!("{imports}{rest}"), line });
    }
    parts
}

/// Whether a line begins here with the words of a rule.
fn begins_rule(text: &str, at: usize) -> bool {
    let fresh = at.checked_sub(1).is_none_or(|before| text.as_bytes().get(before) == Some(&b'\n'));
    let line = text.get(at..).unwrap_or_default();
    fresh && ["rule ", "private rule ", "global rule "].iter().any(|word| line.starts_with(word))
}

/// Behind the next `mark`.
fn end_of(bytes: &[u8], at: usize, mark: &[u8]) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    memchr::memmem::find(rest, mark).map_or(bytes.len(), |found| at + found + mark.len())
}

/// Behind the closing sign; one after a backslash does not close, and a line's end does.
fn closed(bytes: &[u8], mut at: usize, sign: u8) -> usize {
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\\' => at += 1,
            b'\n' => return at,
            byte if *byte == sign => return at,
            _ => {}
        }
    }
    bytes.len()
}
