//! Doors that services open: where sshd takes keys from, what inetd, xinetd and supervisor start, whose
//! libraries the loader takes, and what units read their environment from.

use super::lines::{assignment, physical, word};
use super::{Found, Parsed, Text};
use crate::facts::HostText;

/// What sshd is told to run, and other places for keys than the home's.
const SSHD: [&[u8]; 6] = [
    b"authorizedkeyscommand",
    b"authorizedprincipalscommand",
    b"forcecommand",
    b"authorizedkeysfile",
    b"trustedusercakeys",
    b"authorizedkeyscommanduser",
];

/// Lines of sshd_config. Places for keys keep the key before them: they are not run.
pub(super) fn sshd(text: &Text<'_>) -> Parsed {
    let found = physical(text.bytes).filter_map(|(number, line)| {
        let line = line.trim_ascii();
        let end = line.iter().position(|b| b.is_ascii_whitespace() || *b == b'=')?;
        let (key, rest) = line.split_at_checked(end)?;
        let rest = rest.trim_ascii();
        let value = rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii();
        let known = SSHD.iter().position(|name| key.eq_ignore_ascii_case(name))?;
        let usual = value.split(u8::is_ascii_whitespace).all(|word| {
            matches!(word.trim_ascii(), b"" | b".ssh/authorized_keys" | b".ssh/authorized_keys2")
        });
        (!usual && !value.eq_ignore_ascii_case(b"none")).then(|| Found {
            line: Some(number),
            schedule: Some(HostText::from(key)),
            command: HostText::from(if known < 3 { value } else { line }),
            ..Found::default()
        })
    });
    (found.collect(), Vec::new())
}

/// Folders that the loader takes libraries from.
pub(super) fn library_folders(text: &Text<'_>) -> Parsed {
    let found = physical(text.bytes).flat_map(|(number, line)| {
        let line = line.split(|b| *b == b'#').next().unwrap_or_default().trim_ascii();
        let folders: &[u8] = if word(line).0 == b"include" { b"" } else { line };
        folders
            .split(|b| b.is_ascii_whitespace() || matches!(b, b':' | b','))
            .filter(|folder| folder.first() == Some(&b'/'))
            .map(|folder| Found {
                line: Some(number),
                command: HostText::from(folder),
                ..Found::default()
            })
            .collect::<Vec<_>>()
    });
    (found.collect(), Vec::new())
}

/// `command=` of supervisor's programs, and what they are handed in their environment.
pub(super) fn supervisor(text: &Text<'_>) -> Parsed {
    let mut found = Vec::new();
    let (mut name, mut user) = (None, None);
    for (number, line) in physical(text.bytes) {
        let line = line.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        if let Some(section) = line.strip_prefix(b"[").and_then(|s| s.strip_suffix(b"]")) {
            name = section.split(|b| *b == b':').nth(1).map(HostText::from);
            user = None;
        } else if let Some((key, value)) = assignment(line) {
            let preload = memchr::memmem::find(value, b"LD_PRELOAD").is_some();
            if key == b"user" {
                user = Some(HostText::from(value));
            } else if !value.is_empty() && (key == b"command" || key == b"environment" && preload) {
                found.push(Found {
                    line: Some(number),
                    name: name.clone(),
                    user: user.clone(),
                    schedule: Some(HostText::from("supervisor")),
                    command: HostText::from(value),
                });
            }
        }
    }
    (found, Vec::new())
}

/// inetd's services: `name type protocol wait user program arguments`.
pub(super) fn inetd(text: &Text<'_>) -> Parsed {
    let found = physical(text.bytes).filter_map(|(number, line)| {
        let line = line.trim_ascii();
        if line.starts_with(b"#") {
            return None;
        }
        let words: Vec<&[u8]> =
            line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        let (name, user, program) = (*words.first()?, *words.get(4)?, *words.get(5)?);
        // The first argument is the program's name once more.
        let arguments = words.get(7..).unwrap_or_default();
        (program != b"internal").then(|| Found {
            line: Some(number),
            name: Some(HostText::from(name)),
            user: Some(HostText::from(user)),
            schedule: Some(HostText::from("inetd")),
            command: HostText([&[program], arguments].concat().join(&b' ')),
        })
    });
    (found.collect(), Vec::new())
}

/// xinetd's: `server = …` and `server_args = …` between braces.
pub(super) fn xinetd(text: &Text<'_>) -> Parsed {
    let mut found: Vec<Found> = Vec::new();
    let (mut name, mut user, mut arguments) = (None, None, Vec::new());
    let mut server: Option<(u32, Vec<u8>)> = None;
    let mut disabled = false;
    for (number, line) in physical(text.bytes) {
        let line = line.trim_ascii();
        let (first, rest) = word(line);
        let value = behind(rest);
        match first {
            b"service" => name = Some(HostText::from(rest)),
            b"server" => server = Some((number, value.to_vec())),
            b"server_args" => arguments = value.to_vec(),
            b"user" => user = Some(HostText::from(value)),
            b"disable" => disabled = value == b"yes",
            b"}" => {
                if let Some((line, server)) = server.take().filter(|_| !disabled) {
                    let command = [server.as_slice(), b" ", &arguments].concat();
                    found.push(Found {
                        line: Some(line),
                        name: name.clone(),
                        user: user.clone(),
                        schedule: Some(HostText::from("inetd")),
                        command: HostText::from(command.trim_ascii()),
                    });
                }
                (name, user, disabled) = (None, None, false);
                arguments.clear();
            }
            _ => {}
        }
    }
    (found, Vec::new())
}

/// What follows the equals sign.
fn behind(rest: &[u8]) -> &[u8] {
    rest.strip_prefix(b"=").or_else(|| rest.strip_prefix(b"+=")).unwrap_or(rest).trim_ascii()
}

/// Variables that load code, of a file that a unit reads its environment from.
pub(super) fn environment(text: &Text<'_>) -> Parsed {
    const LOADING: [&[u8]; 8] = [
        b"LD_PRELOAD",
        b"LD_AUDIT",
        b"LD_LIBRARY_PATH",
        b"BASH_ENV",
        b"ENV",
        b"PERL5OPT",
        b"PYTHONSTARTUP",
        b"PYTHONPATH",
    ];
    let found = physical(text.bytes).filter_map(|(number, line)| {
        let line = line.trim_ascii();
        let bare = line.strip_prefix(b"export ").unwrap_or(line);
        let (name, value) = assignment(bare)?;
        (LOADING.contains(&name) && !value.is_empty()).then(|| Found {
            line: Some(number),
            schedule: Some(HostText::from("Environment")),
            command: HostText::from(line),
            ..Found::default()
        })
    });
    (found.collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::HostPath;
    use proptest::prelude::*;

    fn parse(parser: super::super::Parse, bytes: &[u8]) -> Vec<String> {
        let path = HostPath::from("/etc/x");
        let (found, _) = parser(&Text { path: &path, bytes });
        let text = |t: &Option<HostText>| t.as_ref().map_or("-".into(), ToString::to_string);
        found
            .iter()
            .map(|f| format!("{} {} {}", text(&f.user), text(&f.schedule), f.command))
            .collect()
    }

    #[test]
    fn each_by_its_form() {
        assert_eq!(
            parse(sshd, b"#AuthorizedKeysFile x\nAuthorizedKeysFile .ssh/authorized_keys /dev/shm/.k\nAuthorizedKeysCommand=/usr/sbin/x %u\nForceCommand none\nauthorizedkeysfile .ssh/authorized_keys\n"),
            ["- AuthorizedKeysFile AuthorizedKeysFile .ssh/authorized_keys /dev/shm/.k", "- AuthorizedKeysCommand /usr/sbin/x %u"]
        );
        assert_eq!(
            parse(
                library_folders,
                b"include /etc/ld.so.conf.d/*.conf\n/usr/local/lib # x\n/tmp/.l\n"
            ),
            ["- - /usr/local/lib", "- - /tmp/.l"]
        );
        assert_eq!(
            parse(supervisor, b"[program:x]\nuser=www\ncommand=/opt/x -a ; y\nenvironment=A=1\n"),
            ["www supervisor /opt/x -a"]
        );
        assert_eq!(
            parse(inetd, b"#x\nkopo stream tcp nowait root /bin/sh sh -i\ntime stream tcp nowait root internal\n"),
            ["root inetd /bin/sh -i"]
        );
        assert_eq!(
            parse(xinetd, b"service a\n{\n user = root\n server = /bin/bash\n server_args = -i\n}\nservice b\n{\n disable = yes\n server = /x\n}\n"),
            ["root inetd /bin/bash -i"]
        );
        assert_eq!(
            parse(environment, b"# LD_PRELOAD=/a\nLD_PRELOAD=/tmp/b.so\nA=1\nLD_AUDIT=\n"),
            ["- Environment LD_PRELOAD=/tmp/b.so"]
        );
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            for parser in [sshd, library_folders, supervisor, inetd, xinetd, environment] {
                parse(parser, &bytes);
            }
        }

        #[test]
        fn nearly_right(text in r#"([a-z:=."\\ /#;]{0,6}(server|\}|command|forcecommand |\[program:|=|
    )){0,9}"#) {
            for parser in [sshd, library_folders, supervisor, inetd, xinetd, environment] {
                parse(parser, text.as_bytes());
            }
        }
    }
}
