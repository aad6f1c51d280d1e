//! git's configuration: where its hooks lie, and what it runs.

use super::lines::physical;
use super::{Found, Parsed, Text};
use crate::facts::HostText;

/// How the entry says it that names the folder of hooks.
pub(super) const HOOKS: &str = "core.hooksPath";

/// Keys whose value is run, with the section they stand in; a section's name in quotes does not matter.
const RUN: [(&[u8], &[u8]); 7] = [
    (b"core", b"hookspath"),
    (b"core", b"fsmonitor"),
    (b"core", b"sshcommand"),
    (b"core", b"editor"),
    (b"core", b"pager"),
    (b"gpg", b"program"),
    (b"credential", b"helper"),
];

/// What git is told to run, of the system's or an account's configuration.
pub(super) fn config(text: &Text<'_>) -> Parsed {
    let mut section: Vec<u8> = Vec::new();
    let mut found = Vec::new();
    for (number, line) in physical(text.bytes) {
        let line = line.trim_ascii();
        if let Some(name) = line.strip_prefix(b"[") {
            let end = name.iter().position(|b| b.is_ascii_whitespace() || *b == b']');
            section =
                name.get(..end.unwrap_or(name.len())).unwrap_or_default().to_ascii_lowercase();
            continue;
        }
        let Some((key, value)) = line
            .iter()
            .position(|b| *b == b'=')
            .and_then(|at| Some((line.get(..at)?.trim_ascii(), line.get(at + 1..)?.trim_ascii())))
        else {
            continue;
        };
        let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
        let lower = key.to_ascii_lowercase();
        let runs = RUN.iter().any(|(part, name)| section == *part && lower == *name);
        let shell = section == b"alias" && value.starts_with(b"!");
        if !(runs || shell) || value.is_empty() || matches!(value, b"true" | b"false") {
            continue;
        }
        let hooks = lower == b"hookspath";
        let value = value.strip_prefix(b"!").unwrap_or(value);
        let schedule = if hooks {
            HostText::from(HOOKS)
        } else {
            HostText([&section, &b"."[..], key].concat())
        };
        found.push(Found {
            line: Some(number),
            schedule: Some(schedule),
            // A folder is not run: what lies in it is.
            command: if hooks {
                HostText([HOOKS.as_bytes(), b" = ", value].concat())
            } else {
                HostText::from(value)
            },
            ..Found::default()
        });
    }
    (found, Vec::new())
}

/// The folder of hooks that an entry names.
pub(super) fn hooks(found: &Found) -> Option<&[u8]> {
    let hooks = found.schedule.as_ref().is_some_and(|key| key.as_bytes() == HOOKS.as_bytes());
    let value = found.command.as_bytes().get(HOOKS.len() + 3..)?;
    hooks.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::HostPath;
    use proptest::prelude::*;

    #[test]
    fn what_is_run() {
        let path = HostPath::from("/etc/gitconfig");
        let bytes = b"[user]\n name = x\n[core]\n\thooksPath = /usr/share/.h\n fsmonitor = true\n pager=less\n[alias]\n st = status\n x = !curl a | sh\n";
        let (found, _) = config(&Text { path: &path, bytes });
        let shown: Vec<String> = found.iter().map(|f| f.command.to_string()).collect();
        assert_eq!(shown, ["core.hooksPath = /usr/share/.h", "less", "curl a | sh"]);
        assert_eq!(found.first().and_then(hooks), Some(&b"/usr/share/.h"[..]));
        assert_eq!(found.last().and_then(hooks), None);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let path = HostPath::from("/etc/gitconfig");
            let (found, _) = config(&Text { path: &path, bytes: &bytes });
            let _ = found.iter().filter_map(hooks).count();
        }
    }
}
