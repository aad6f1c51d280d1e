//! udev rules that run a program when a device appears.

use super::lines::logical;
use super::{Found, Parsed, Text};
use crate::facts::HostText;

/// The keys that run what is quoted behind them. `RUN{builtin}` stays within udev.
const KEYS: [&[u8]; 4] = [b"RUN", b"RUN{program}", b"PROGRAM", b"IMPORT{program}"];

/// The commands of all rules.
pub(super) fn rules(text: &Text<'_>) -> Parsed {
    let mut found = Vec::new();
    for (number, line) in logical(text.bytes) {
        if line.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        for (key, value) in pairs(&line) {
            // A bare name without a path is a builtin's or lies in udev's own folder.
            if KEYS.contains(&key.as_slice()) && !value.is_empty() {
                found.push(Found {
                    line: Some(number),
                    user: Some(HostText::from("root")),
                    schedule: Some(HostText(key)),
                    command: HostText(value),
                    ..Found::default()
                });
            }
        }
    }
    (found, Vec::new())
}

/// `KEY op "value"` pairs of a rule.
fn pairs(line: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    let mut rest = line;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        let (before, after) = rest.split_at_checked(quote + 1).unwrap_or((rest, b""));
        let key = before
            .rsplit(|b| *b == b',')
            .next()
            .unwrap_or_default()
            .iter()
            .copied()
            .take_while(|b| !b"=+-:!\"".contains(b))
            .filter(|b| !b.is_ascii_whitespace());
        let key: Vec<u8> = key.collect();
        let (mut value, mut used, mut escaped) = (Vec::new(), 0, false);
        for byte in after {
            used += 1;
            match byte {
                b'"' if !escaped => break,
                b'\\' if !escaped => escaped = true,
                byte => {
                    if escaped && *byte != b'"' {
                        value.push(b'\\');
                    }
                    value.push(*byte);
                    escaped = false;
                }
            }
        }
        all.push((key, value));
        rest = after.get(used..).unwrap_or_default();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::HostPath;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Vec<String> {
        let path = HostPath::from("/etc/udev/rules.d/75-x.rules");
        let (found, _) = rules(&Text { path: &path, bytes });
        found.iter().map(|f| f.command.to_string()).collect()
    }

    #[test]
    fn programs_of_rules() {
        let bytes = br#"# RUN+="/no"
ENV{MAJOR}=="1", ENV{MINOR}=="8", RUN+="/lib/udev/x -a '%k'", RUN{builtin}+="kmod load"
SUBSYSTEM=="net", KERNEL!="lo", \
  PROGRAM="/bin/sh -c \"id\"", RUN{program}+="/tmp/.x"
"#;
        assert_eq!(parse(bytes), ["/lib/udev/x -a '%k'", "/bin/sh -c \"id\"", "/tmp/.x"]);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            parse(&bytes);
        }
        #[test]
        fn nearly_rules(text in r#"([A-Z]{0,4}\+?="[a-z\\"]{0,5},? ?){0,9}"#) {
            parse(text.as_bytes());
        }
    }
}
