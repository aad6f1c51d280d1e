//! Hooks of the package manager, and SysV's inittab.

use super::lines::physical;
use super::{Found, Parsed, Text};
use crate::facts::HostText;

/// Options of apt that run a command: `DPkg::Post-Invoke { "…"; };` and its kin.
const APT_HOOKS: [&[u8]; 3] = [b"invoke", b"pre-install-pkgs", b"auto-update-hook"];

/// The quoted commands of apt's hooks. A block may stretch over lines.
pub(super) fn apt(text: &Text<'_>) -> Parsed {
    let mut found = Vec::new();
    let (mut in_hook, mut in_block) = (false, false);
    for (number, line) in physical(text.bytes) {
        let line = line.trim_ascii();
        if line.starts_with(b"//") || line.starts_with(b"#") {
            continue;
        }
        let lower = line.to_ascii_lowercase();
        let hook = |word: &&[u8]| memchr::memmem::find(&lower, word).is_some();
        in_hook = in_hook || APT_HOOKS.iter().any(hook);
        if !in_hook {
            continue;
        }
        let quoted = line.split(|b| *b == b'"').skip(1).step_by(2);
        found.extend(quoted.filter(|q| !q.is_empty()).map(|command| Found {
            line: Some(number),
            schedule: Some(HostText::from("apt")),
            command: HostText::from(command),
            ..Found::default()
        }));
        // A block ends with its brace, a plain option with its semicolon.
        let outside = line.rsplit(|b| *b == b'"').next().unwrap_or_default();
        in_block = in_block || line.contains(&b'{');
        let ends = if in_block { b'}' } else { b';' };
        if outside.contains(&ends) {
            (in_hook, in_block) = (false, false);
        }
    }
    (found, Vec::new())
}

/// `id:runlevels:action:process`.
pub(super) fn inittab(text: &Text<'_>) -> Parsed {
    let found = physical(text.bytes).filter_map(|(number, line)| {
        let line = line.trim_ascii();
        if line.starts_with(b"#") {
            return None;
        }
        let mut fields = line.splitn(4, |b| *b == b':');
        let (id, levels, action) = (fields.next()?, fields.next()?, fields.next()?);
        let process = fields.next()?.trim_ascii();
        (!process.is_empty()).then(|| Found {
            line: Some(number),
            name: Some(HostText::from(id)),
            user: Some(HostText::from("root")),
            schedule: Some(HostText([action, b" ", levels].concat())),
            command: HostText::from(process),
        })
    });
    (found.collect(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::HostPath;
    use proptest::prelude::*;

    fn commands(parser: super::super::Parse, bytes: &[u8]) -> Vec<String> {
        let path = HostPath::from("/etc/x");
        let (found, _) = parser(&Text { path: &path, bytes });
        found.iter().map(|f| f.command.to_string()).collect()
    }

    #[test]
    fn hooks_of_apt() {
        let bytes = b"APT::Keep \"1\";\nDPkg::Post-Invoke { \"rm -f /x || true\"; };\n\
            DPkg::Pre-Invoke {\n  \"/tmp/.x\";\n};\nDir::Cache \"no\";\nAPT::Update::Pre-Invoke:: \"sh\";\nY \"z\";\n";
        assert_eq!(commands(apt, bytes), ["rm -f /x || true", "/tmp/.x", "sh"]);
    }

    #[test]
    fn an_inittab() {
        let bytes = b"# c\nid:3:initdefault:\n1:2345:respawn:/sbin/getty 38400 tty1\n";
        assert_eq!(commands(inittab, bytes), ["/sbin/getty 38400 tty1"]);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            commands(apt, &bytes);
            commands(inittab, &bytes);
        }
    }
}
