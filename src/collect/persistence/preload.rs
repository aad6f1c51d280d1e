//! /etc/ld.so.preload: libraries that the loader puts into every program.

use super::lines::physical;
use super::{Found, Parsed, Text};
use crate::facts::HostText;

/// Each library named. The loader splits at blanks and colons, and knows `#` comments.
pub(super) fn libraries(text: &Text<'_>) -> Parsed {
    let mut found = Vec::new();
    for (number, line) in physical(text.bytes) {
        let line = line.split(|b| *b == b'#').next().unwrap_or_default();
        for library in line.split(|b| b.is_ascii_whitespace() || *b == b':' || *b == 0) {
            if !library.is_empty() {
                found.push(Found {
                    line: Some(number),
                    command: HostText::from(library),
                    ..Found::default()
                });
            }
        }
    }
    (found, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::HostPath;

    #[test]
    fn names() {
        let path = HostPath::from("/etc/ld.so.preload");
        let bytes = b"# x\n/lib/a.so:/lib/b.so /lib/c.so # d\n\n";
        let (found, _) = libraries(&Text { path: &path, bytes });
        let names: Vec<String> = found.iter().map(|f| f.command.to_string()).collect();
        assert_eq!(names, ["/lib/a.so", "/lib/b.so", "/lib/c.so"]);
    }
}
