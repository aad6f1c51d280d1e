//! Shell scripts that run by themselves: their lines, less those that cannot run anything.

use super::lines::{logical, physical};
use super::{Found, Parsed, Text};
use crate::facts::HostText;

/// Words that stand alone on a line and run nothing.
const SYNTAX: &[&[u8]] = &[
    b"then",
    b"else",
    b"fi",
    b"do",
    b"done",
    b"esac",
    b";;",
    b"{",
    b"}",
    b"}}",
    b"(",
    b")",
    b"in",
    b"return",
    b"exit",
    b"break",
    b"continue",
    b":",
    b"unset i",
    b"set +e",
    b"set -e",
];

/// Every line that may run something.
pub(super) fn commands(text: &Text<'_>) -> Parsed {
    let found = logical(text.bytes).into_iter().filter_map(|(number, line)| {
        meaningful(&line).then(|| Found {
            line: Some(number),
            command: HostText::from(line.trim_ascii()),
            ..Found::default()
        })
    });
    (found.collect(), Vec::new())
}

/// A job of at: a script that first restores the environment of whoever queued it.
pub(super) fn job(text: &Text<'_>) -> Parsed {
    let user = physical(text.bytes).find_map(|(_, line)| {
        // `# atrun uid=1000 gid=1000`
        let rest = line.strip_prefix(b"# atrun uid=")?;
        rest.split(|b| *b == b' ').next().map(|uid| HostText([b"uid ", uid].concat()))
    });
    let (mut found, problems) = commands(text);
    found.retain(|entry| {
        let command = entry.command.as_bytes();
        let environment = memchr::memmem::find(command, b"; export ").is_some();
        !environment && !command.starts_with(b"umask ") && !command.starts_with(b"cd ")
    });
    for entry in &mut found {
        entry.user = user.clone();
        entry.schedule = Some(HostText::from("at"));
    }
    (found, problems)
}

fn meaningful(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let header = |line: &[u8]| {
        // `name() {` and the patterns of a case: `start)`.
        let function = line.ends_with(b"()")
            || memchr::memmem::find(line, b"()").is_some() && line.ends_with(b"{");
        let pattern = line.ends_with(b")") && !line.iter().any(|b| b"($ `".contains(b));
        let case = line.starts_with(b"case ") && line.ends_with(b" in") && !line.contains(&b'(');
        let number = |word: &[u8]| {
            let rest = line.strip_prefix(word);
            rest.is_some_and(|rest| rest.trim_ascii().iter().all(u8::is_ascii_digit))
        };
        function && !stands_for(line) || pattern || case || number(b"return ") || number(b"exit ")
    };
    !line.is_empty() && !line.starts_with(b"#") && !SYNTAX.contains(&line) && !header(line)
}

/// Programs that are asked for a password: a function of such a name stands between.
const ASKED: [&[u8]; 6] = [b"sudo", b"su", b"ssh", b"passwd", b"doas", b"scp"];

/// Whether a function is put in a program's place that asks for passwords.
fn stands_for(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"function ").unwrap_or(line);
    let name = line.split(|b| *b == b'(').next().unwrap_or_default().trim_ascii();
    ASKED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::HostPath;
    use proptest::prelude::*;

    fn parse(parser: super::super::Parse, bytes: &[u8]) -> Vec<String> {
        let path = HostPath::from("/etc/rc.local");
        let (found, _) = parser(&Text { path: &path, bytes });
        found.iter().map(|f| format!("{} {}", f.line.unwrap_or(0), f.command)).collect()
    }

    #[test]
    fn lines_that_may_run_something() {
        let script =
            b"#!/bin/sh -e\n# rc.local\n\nstart() {\n  nohup /tmp/.x/y \\\n    -o pool &\n}\n\
            case \"$1\" in\n  start)\n    start\n    ;;\n  *)\n    echo $(id)\nesac\nexit 0\n";
        assert_eq!(
            parse(commands, script),
            ["5 nohup /tmp/.x/y  -o pool &", "10 start", "13 echo $(id)"]
        );
    }

    #[test]
    fn a_job_of_at() {
        let script = b"#!/bin/sh\n# atrun uid=33 gid=33\n# mail www 0\numask 22\n\
            LANG=C; export LANG\ncd /var/www || {\n\t echo 'Execution directory inaccessible' >&2\n\t exit 1\n}\n/tmp/.a\n";
        let path = HostPath::from("/var/spool/at/a00001");
        let (found, _) = job(&Text { path: &path, bytes: script });
        let last = found.last().map(|f| (f.command.to_string(), f.user.clone()));
        assert_eq!(last, Some(("/tmp/.a".into(), Some("uid 33".into()))));
        assert!(!found.iter().any(|f| f.command.as_bytes().starts_with(b"LANG")));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            parse(commands, &bytes);
            parse(job, &bytes);
        }
    }
}
