//! The whole command that tries again what a batch put aside, to be pasted.

use std::path::Path;

/// A word as a shell reads it.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A path from wherever the command is pasted.
pub fn place(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shell() {
        for (text, is) in [
            ("/a/b-1.tar.gz", "/a/b-1.tar.gz"),
            ("/a/b c", "'/a/b c'"),
            ("it's $x", r"'it'\''s $x'"),
            ("uac-*.tar", "'uac-*.tar'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), is);
        }
        assert!(place(Path::new("here")).starts_with('/'));
    }
}
