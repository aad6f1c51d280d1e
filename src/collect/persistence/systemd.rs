//! Units of systemd: what a service runs, and what a timer, path or socket triggers.

use super::lines::{assignment, logical};
use super::{Found, Parsed, Text};
use crate::facts::HostText;

/// Unit types that run or trigger something.
const TYPES: [&[u8]; 6] = [b".service", b".timer", b".path", b".socket", b".mount", b".swap"];

/// Keys whose value is a command line.
const COMMANDS: [&[u8]; 9] = [
    b"ExecStart",
    b"ExecStartPre",
    b"ExecStartPost",
    b"ExecCondition",
    b"ExecReload",
    b"ExecStop",
    b"ExecStopPre",
    b"ExecStopPost",
    b"ExecMount",
];

/// Keys of a unit that say when it triggers another.
const TRIGGERS: [(&[u8], &[&[u8]]); 3] = [
    (
        b".timer",
        &[
            b"OnCalendar",
            b"OnBootSec",
            b"OnStartupSec",
            b"OnActiveSec",
            b"OnUnitActiveSec",
            b"OnUnitInactiveSec",
        ],
    ),
    (
        b".path",
        &[b"PathExists", b"PathExistsGlob", b"PathChanged", b"PathModified", b"DirectoryNotEmpty"],
    ),
    (
        b".socket",
        &[b"ListenStream", b"ListenDatagram", b"ListenFIFO", b"ListenNetlink", b"ListenSpecial"],
    ),
];

/// Whether a name is that of a unit that can run something.
pub(super) fn is_unit(name: &[u8]) -> bool {
    TYPES.iter().any(|suffix| name.ends_with(suffix))
}

/// The unit a file speaks of: for `x.service.d/override.conf`, `x.service`.
fn unit_name(text: &Text<'_>) -> Vec<u8> {
    let parent = text.path.parent();
    match parent.file_name().strip_suffix(b".d") {
        Some(unit) => unit.to_vec(),
        None => text.path.file_name().to_vec(),
    }
}

/// What a unit file runs or triggers.
pub(super) fn unit(text: &Text<'_>) -> Parsed {
    let name = unit_name(text);
    let lines: Vec<(u32, Vec<u8>)> = logical(text.bytes)
        .into_iter()
        .filter(|(_, line)| !matches!(line.trim_ascii_start().first(), Some(b'#' | b';')))
        .collect();
    let settings: Vec<(u32, &[u8], &[u8])> = lines
        .iter()
        .filter_map(|(number, line)| assignment(line).map(|(key, value)| (*number, key, value)))
        .collect();
    let value = |wanted: &[u8]| {
        settings.iter().rev().find(|(_, key, _)| *key == wanted).map(|(_, _, value)| *value)
    };
    let user = value(b"User").filter(|user| !user.is_empty()).map(HostText::from);
    let mut found = Vec::new();
    for (number, key, value) in &settings {
        // `-` ignores failure, `@` sets argv[0], `+` `!` `:` change privileges and expansion.
        let command = if COMMANDS.contains(key) {
            let prefix = value.iter().take_while(|b| b"-@:+!|".contains(b)).count();
            value.get(prefix..).unwrap_or_default().trim_ascii()
        } else if matches!(*key, b"Environment" | b"DefaultEnvironment")
            && [&b"LD_"[..], b"BASH_ENV"].iter().any(|n| memchr::memmem::find(value, n).is_some())
            // A shell that is started without a script reads one from here.
            || matches!(*key, b"StandardInputText" | b"StandardInputData")
        {
            value
        } else if *key == b"StandardInput" && *value == b"socket" {
            // Whoever connects talks to what is started.
            value
        } else if *key == b"StandardInput" {
            value.strip_prefix(b"file:").unwrap_or_default().trim_ascii()
        } else if *key == b"EnvironmentFile" {
            // Read by itself, and no entry.
            value.strip_prefix(b"-").unwrap_or(value)
        } else {
            continue;
        };
        // An empty value takes back those before it.
        if !command.is_empty() {
            found.push(Found {
                line: Some(*number),
                name: Some(HostText::from(name.as_slice())),
                user: user.clone(),
                schedule: Some(HostText::from(*key)),
                command: HostText::from(command),
            });
        }
    }
    for (suffix, keys) in TRIGGERS {
        let Some(stem) = name.strip_suffix(suffix) else { continue };
        let when: Vec<Vec<u8>> = settings
            .iter()
            .filter(|(_, key, value)| keys.contains(key) && !value.is_empty())
            .map(|(_, key, value)| [key, &b"="[..], value].concat())
            .collect();
        let named = value(b"Unit").or_else(|| value(b"Service")).filter(|unit| !unit.is_empty());
        let unit = named.map_or_else(|| [stem, b".service"].concat(), <[u8]>::to_vec);
        if !when.is_empty() {
            let first = settings.iter().find(|(_, key, _)| keys.contains(key)).map(|s| s.0);
            found.push(Found {
                line: first,
                name: Some(HostText::from(name.as_slice())),
                user: None,
                schedule: Some(HostText(when.join(&b' '))),
                command: HostText(unit),
            });
        }
    }
    (found, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::HostPath;
    use proptest::prelude::*;

    fn parse(path: &str, bytes: &[u8]) -> Vec<String> {
        let path = HostPath::from(path);
        let (found, _) = unit(&Text { path: &path, bytes });
        let text = |t: &Option<HostText>| t.as_ref().map_or("-".into(), ToString::to_string);
        let one = |f: &Found| {
            let line = f.line.unwrap_or(0);
            let (name, user, when) = (text(&f.name), text(&f.user), text(&f.schedule));
            format!("{line} {name} {user} [{when}] {}", f.command)
        };
        found.iter().map(one).collect()
    }

    #[test]
    fn a_service() {
        let bytes = b"[Unit]\nDescription=x\n[Service]\nExecStartPre=-/bin/mkdir -p \\\n  # no\n  /run/x\n\
            ExecStart=\nExecStart=@!/opt/x/y z\nUser=www\n;ExecStop=/a\nEnvironment=LD_PRELOAD=/tmp/x.so\nRestart=always\n";
        assert_eq!(
            parse("/etc/systemd/system/x.service", bytes),
            [
                "4 x.service www [ExecStartPre] /bin/mkdir -p  # no",
                "8 x.service www [ExecStart] /opt/x/y z",
                "11 x.service www [Environment] LD_PRELOAD=/tmp/x.so",
            ]
        );
    }

    #[test]
    fn a_timer_a_path_and_a_drop_in() {
        assert_eq!(
            parse("/e/x.timer", b"[Timer]\nOnBootSec=1min\nOnCalendar=daily\nUnit=y.service\n"),
            ["2 x.timer - [OnBootSec=1min OnCalendar=daily] y.service"]
        );
        assert_eq!(
            parse("/e/x.path", b"[Path]\nPathExists=/tmp/go\n"),
            ["2 x.path - [PathExists=/tmp/go] x.service"]
        );
        assert_eq!(
            parse("/e/ssh.service.d/override.conf", b"[Service]\nExecStartPost=/tmp/.x\n"),
            ["2 ssh.service - [ExecStartPost] /tmp/.x"]
        );
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>, name in "[a-z]{0,3}(\\.timer|\\.service|\\.path|\\.d/x)") {
            parse(&format!("/e/{name}"), &bytes);
        }
    }
}
