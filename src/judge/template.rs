//! `{column}` in a playbook's texts. `{{` and `}}` stand for the braces themselves.

use rusqlite::types::Value;

/// A piece of a text: words, or the name of a column at a byte offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// As it is.
    Words(&'a str),
    /// What the row has there.
    Column(&'a str, usize),
}

/// Takes a text apart. An opening brace without its end is words.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(brace) = rest.find(['{', '}']) else {
            out.push(Piece::Words(rest));
            break;
        };
        let (words, tail) = rest.split_at_checked(brace).unwrap_or((rest, ""));
        if !words.is_empty() {
            out.push(Piece::Words(words));
        }
        at += brace;
        if tail.starts_with("{{") || tail.starts_with("}}") {
            out.push(Piece::Words(tail.get(..1).unwrap_or_default()));
            at += 2;
            continue;
        }
        match tail.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, _)) if is_name(name) => {
                out.push(Piece::Column(name, at));
                at += name.len() + 2;
            }
            _ => {
                out.push(Piece::Words(tail.get(..1).unwrap_or_default()));
                at += 1;
            }
        }
    }
    out
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The sentence with the row's values; NULL is nothing.
pub(super) fn sentence(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Words(words) => words.to_owned(),
            Piece::Column(name, _) => value(name).unwrap_or_default(),
        })
        .collect()
}

/// The next step with the row's values as words of a shell: names come from the suspect, and the
/// step will be pasted into a root shell. [`None`] where a value is not known, and where a program
/// would take it for an option: quotes do not help against that.
pub(super) fn command(text: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Words(words) => out.push_str(words),
            Piece::Column(name, _) => {
                let value = value(name)?;
                let begins =
                    out.chars().next_back().is_none_or(|c| c.is_whitespace() || "'\"".contains(c));
                if begins && value.starts_with('-') {
                    return None;
                }
                out.push_str(&quoted(&value));
            }
        }
    }
    Some(out)
}

/// One word of a shell. Bytes that the facts hold as `\xNN` become those bytes again.
pub(super) fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    // Characters that hide or reorder what is seen are written out, too.
    if !value.contains("\\x") && value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return format!("'{}'", value.replace('\'', "'\\''"));
    }
    let mut out = String::from("$'");
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' if is_escape(rest.as_str()) => out.push('\\'),
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    out.push_str(&format!("\\x{byte:02x}"));
                }
            }
        }
    }
    out.push('\'');
    out
}

fn is_escape(after: &str) -> bool {
    let mut chars = after.chars();
    chars.next() == Some('x') && chars.by_ref().take(2).filter(char::is_ascii_hexdigit).count() == 2
}

/// A value in words; [`None`] for NULL.
pub(super) fn words(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn row(name: &str) -> Option<String> {
        match name {
            "pid" => Some("2584".into()),
            "path" => Some("/tmp/$(reboot) 'x'".into()),
            _ => None,
        }
    }

    #[test]
    fn sentences_are_filled() {
        assert_eq!(sentence("{pid} runs {path}", row), "2584 runs /tmp/$(reboot) 'x'");
        assert_eq!(sentence("{other}, {{pid}}, {, {not a name}", row), ", {pid}, {, {not a name}");
    }

    #[test]
    fn commands_are_safe_to_paste() {
        assert_eq!(
            command("cp {path} /dev/shm", row).unwrap(),
            "cp '/tmp/$(reboot) '\\''x'\\''' /dev/shm"
        );
        assert_eq!(command("kill {other}", row), None);
        let option = |_: &str| Some("-Hroot@192.0.2.1 .service".to_owned());
        assert_eq!(
            command("systemctl disable --now {unit}", option),
            None,
            "it would be an option"
        );
        assert_eq!(command("cat '{unit}'", option), None);
        assert!(command("cp /x/{unit} /y", option).is_some());
        assert_eq!(quoted("a\nb\\c"), "$'a\\x0ab\\\\c'");
        assert_eq!(quoted("caf\\xe9\\x5cx"), "$'caf\\xe9\\x5cx'");
        assert_eq!(quoted(""), "''");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = sentence(&text, row);
        }

        /// The true shell gives back what was quoted.
        #[test]
        fn a_shell_reads_back_what_was_quoted(text in "[ -~\n\t\u{1b}é\u{202e}]{0,24}") {
            prop_assume!(!text.contains("\\x"));
            let out = std::process::Command::new("bash")
                .args(["-c", &format!("printf %s {}", quoted(&text))])
                .output()
                .unwrap();
            prop_assert_eq!(String::from_utf8(out.stdout).unwrap(), text);
        }
    }
}
