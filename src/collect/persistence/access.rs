//! What lets someone in or gives power: accounts, SSH keys, sudo's rules, PAM's programs.

use super::lines::{assignment, logical, physical, word};
use super::{Found, Parsed, Text};
use crate::collect::accounts::no_shell;
use crate::collect::ssh_keys::public;
use crate::facts::HostText;

/// Accounts of /etc/passwd that have a shell or are the superuser's equal.
pub(super) fn accounts(text: &Text<'_>) -> Parsed {
    let found = physical(text.bytes).filter_map(|(number, line)| {
        let fields: Vec<&[u8]> = line.split(|b| *b == b':').collect();
        let (name, uid, shell) = (*fields.first()?, *fields.get(2)?, *fields.get(6)?);
        let shell = shell.trim_ascii();
        // The kernel reads `00` as 0, too.
        let superuser = !uid.is_empty() && uid.iter().all(|b| *b == b'0');
        (superuser || !no_shell(shell)).then(|| Found {
            line: Some(number),
            name: Some(HostText::from(name)),
            user: Some(HostText::from(name)),
            schedule: Some(HostText([&b"uid "[..], if superuser { b"0" } else { uid }].concat())),
            command: HostText::from(if shell.is_empty() { &b"/bin/sh"[..] } else { shell }),
        })
    });
    (found.collect(), Vec::new())
}

/// Keys of an authorized_keys file: the command that is forced on who has the key, or the key's
/// type and comment.
pub(super) fn keys(text: &Text<'_>) -> Parsed {
    let found = physical(text.bytes).filter_map(|(number, line)| {
        let key = public::authorized(line)?;
        let forced = public::forced(key.options);
        Some(Found {
            line: Some(number),
            name: Some(HostText::from(key.comment)),
            schedule: Some(HostText::from(if forced.is_some() {
                "forced command"
            } else {
                "login"
            })),
            command: HostText(forced.unwrap_or_else(|| [key.kind, b" ", key.comment].concat())),
            ..Found::default()
        })
    });
    (found.collect(), Vec::new())
}

/// Who may run what through sudo: each rule, without defaults and aliases.
pub(super) fn sudoers(text: &Text<'_>) -> Parsed {
    let found = logical(text.bytes).into_iter().filter_map(|(number, line)| {
        let line = line.trim_ascii();
        let (who, rest) = word(line);
        let other = who.starts_with(b"#") && !who.get(1).is_some_and(u8::is_ascii_digit)
            || who.starts_with(b"@")
            || who.starts_with(b"Defaults")
            || who.ends_with(b"_Alias");
        (!other && rest.contains(&b'=')).then(|| Found {
            line: Some(number),
            user: Some(HostText::from(who)),
            schedule: Some(HostText::from("sudo")),
            command: HostText::from(line),
            ..Found::default()
        })
    });
    (found.collect(), Vec::new())
}

/// Programs that PAM runs, and modules that are named by their path.
pub(super) fn pam(text: &Text<'_>) -> Parsed {
    let found = logical(text.bytes).into_iter().filter_map(|(number, line)| {
        let line = line.split(|b| *b == b'#').next().unwrap_or_default();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let module = words.by_ref().find(|word| memchr::memmem::find(word, b".so").is_some())?;
        let rest: Vec<&[u8]> = words.collect();
        let what = word(line).0;
        let what = what.strip_prefix(b"-").unwrap_or(what);
        let name = module.rsplit(|b| *b == b'/').next().unwrap_or_default();
        let runs = name == b"pam_exec.so" || name == b"pam_script.so";
        let command = match (runs, module.first()) {
            (true, _) => rest.join(&b' '),
            (false, Some(b'/')) => module.to_vec(),
            // Whoever comes as far as this line is let in.
            _ if name == b"pam_permit.so"
                && what == b"auth"
                && word(word(line).1).0 == b"sufficient" =>
            {
                b"sufficient pam_permit.so".to_vec()
            }
            _ => return None,
        };
        Some(Found {
            line: Some(number),
            user: Some(HostText::from("root")),
            schedule: Some(HostText([what, b" ", name].concat())),
            command: HostText(command),
            ..Found::default()
        })
    });
    (found.collect(), Vec::new())
}

/// Programs that the kernel is told to run: for cores, and to load modules.
pub(super) fn sysctl(text: &Text<'_>) -> Parsed {
    let found = physical(text.bytes).filter_map(|(number, line)| {
        let (key, value) = line.split_at_checked(memchr::memchr(b'=', line)?)?;
        // `-kernel/core_pattern` is `kernel.core_pattern`, its failure ignored.
        let key = key.trim_ascii();
        let key = key.strip_prefix(b"-").unwrap_or(key);
        let key: Vec<u8> = key.iter().map(|b| if *b == b'/' { b'.' } else { *b }).collect();
        let value = value.get(1..)?.trim_ascii();
        let command = match key.as_slice() {
            b"kernel.core_pattern" => value.strip_prefix(b"|")?.trim_ascii(),
            b"kernel.modprobe" | b"kernel.hotplug" => value,
            _ => return None,
        };
        (!command.is_empty()).then(|| Found {
            line: Some(number),
            user: Some(HostText::from("root")),
            schedule: Some(HostText(key)),
            command: HostText::from(command),
            ..Found::default()
        })
    });
    (found.collect(), Vec::new())
}

/// Scripts of logrotate: what stands between `postrotate` and `endscript`.
pub(super) fn logrotate(text: &Text<'_>) -> Parsed {
    const BEGINS: &[&[u8]] =
        &[b"postrotate", b"prerotate", b"firstaction", b"lastaction", b"preremove"];
    let mut found = Vec::new();
    let mut inside: Option<Vec<u8>> = None;
    for (number, line) in logical(text.bytes) {
        let line = line.trim_ascii();
        if BEGINS.contains(&line) {
            inside = Some(line.to_vec());
        } else if line == b"endscript" {
            inside = None;
        } else if let Some(when) = &inside
            && !line.is_empty()
            && !line.starts_with(b"#")
        {
            found.push(Found {
                line: Some(number),
                user: Some(HostText::from("root")),
                schedule: Some(HostText(when.clone())),
                command: HostText::from(line),
                ..Found::default()
            });
        }
    }
    (found, Vec::new())
}

/// Kernel modules that are loaded at boot, one a line.
pub(super) fn modules(text: &Text<'_>) -> Parsed {
    let found = physical(text.bytes).filter_map(|(number, line)| {
        let (name, _) = word(line);
        let comment = name.starts_with(b"#") || name.starts_with(b";");
        (!name.is_empty() && !comment).then(|| Found {
            line: Some(number),
            user: Some(HostText::from("root")),
            schedule: Some(HostText::from("boot")),
            command: HostText::from(name),
            ..Found::default()
        })
    });
    (found.collect(), Vec::new())
}

/// Commands that modprobe runs in place of loading or unloading a module.
pub(super) fn modprobe(text: &Text<'_>) -> Parsed {
    let found = logical(text.bytes).into_iter().filter_map(|(number, line)| {
        let (key, rest) = word(&line);
        let (module, command) = word(rest);
        let runs = (key == b"install" || key == b"remove") && assignment(&line).is_none();
        (runs && !command.is_empty()).then(|| Found {
            line: Some(number),
            user: Some(HostText::from("root")),
            schedule: Some(HostText([key, b" ", module].concat())),
            command: HostText::from(command),
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
            .map(|f| format!("{} [{}] {}", text(&f.user), text(&f.schedule), f.command))
            .collect()
    }

    #[test]
    fn accounts_with_a_shell_or_uid_0() {
        let bytes = b"root:x:0:0::/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\n\
            sys0:x:00:0::/:/sbin/nologin\na:x:1000:1000:A:/home/a:\nbad\n";
        assert_eq!(
            parse(accounts, bytes),
            ["root [uid 0] /bin/bash", "sys0 [uid 0] /sbin/nologin", "a [uid 1000] /bin/sh"]
        );
    }

    #[test]
    fn ssh_keys() {
        let bytes = b"# c\nssh-ed25519 AAAA a@b\nno-pty,command=\"sh -c \\\"id\\\"\" ssh-rsa AAAA x y\nREDIS\n";
        assert_eq!(
            parse(keys, bytes),
            ["- [login] ssh-ed25519 a@b", "- [forced command] sh -c \"id\""]
        );
    }

    #[test]
    fn rules_of_sudo() {
        let bytes = b"Defaults env_reset\n# c\n@includedir /x\nCmnd_Alias A = /b\n\
            www-data ALL=(ALL) \\\n NOPASSWD: ALL\n#1000 ALL=ALL\n";
        assert_eq!(
            parse(sudoers, bytes),
            ["www-data [sudo] www-data ALL=(ALL)  NOPASSWD: ALL", "#1000 [sudo] #1000 ALL=ALL"]
        );
    }

    #[test]
    fn programs_of_pam_logrotate_sysctl_and_modprobe() {
        assert_eq!(
            parse(pam, b"auth required pam_unix.so\nauth required pam_permit.so\nauth sufficient pam_permit.so\n-session optional pam_exec.so quiet /x y\nauth [success=1] /o/p.so\n"),
            ["root [auth pam_permit.so] sufficient pam_permit.so", "root [session pam_exec.so] quiet /x y", "root [auth p.so] /o/p.so"]
        );
        assert_eq!(
            parse(logrotate, b"/var/log/x {\n weekly\n postrotate\n  /a b\n endscript\n}\n"),
            ["root [postrotate] /a b"]
        );
        assert_eq!(
            parse(sysctl, b"kernel.core_pattern = |/a %p\nkernel/modprobe=/b\nvm.x=1\n"),
            ["root [kernel.core_pattern] /a %p", "root [kernel.modprobe] /b"]
        );
        assert_eq!(parse(modules, b"# c\nloop max=1\n\n"), ["root [boot] loop"]);
        assert_eq!(
            parse(modprobe, b"install usb /bin/true\nblacklist x\noptions y a=1\n"),
            ["root [install usb] /bin/true"]
        );
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            for parser in [accounts, keys, sudoers, pam, sysctl, logrotate, modules, modprobe] {
                parse(parser, &bytes);
            }
        }

        #[test]
        fn nearly_right(text in r#"([a-z:=."\\ /#]{0,6}(command="|pam_exec.so|install|ssh-rsa|=|
    )){0,9}"#) {
            for parser in [accounts, keys, sudoers, pam, sysctl, logrotate, modules, modprobe] {
                parse(parser, text.as_bytes());
            }
        }
    }
}
