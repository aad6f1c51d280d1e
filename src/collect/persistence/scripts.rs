//! Which scripts a command line runs: a crontab's line is short where the deed is in the file it
//! names.

use crate::evidence::HostPath;

/// Programs whose argument is a script.
const INTERPRETERS: &[&[u8]] = &[
    b"sh", b"bash", b"dash", b"zsh", b"ksh", b"ash", b"source", b".", b"python", b"python2",
    b"python3", b"perl", b"php", b"ruby", b"node", b"lua",
];

/// Paths of one command that are looked at.
const MOST_PATHS: usize = 8;

/// A file that a command may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub path: HostPath,
    /// An interpreter stands before it: it is a script even without `#!`.
    pub interpreted: bool,
}

/// The absolute paths in a command, and those below the home of whom it runs as; targets of
/// redirections are not among them.
pub(super) fn named(command: &[u8], home: Option<&HostPath>) -> Vec<Named> {
    let mut all = Vec::new();
    let (mut redirected, mut interpreted) = (false, false);
    for word in command.split(|b| b.is_ascii_whitespace() || b";|&()`\"'{},=".contains(b)) {
        if word.is_empty() {
            continue;
        }
        let target = std::mem::take(&mut redirected);
        if let Some(sign) = word.iter().rposition(|b| b"<>".contains(b)) {
            redirected = sign + 1 == word.len();
            continue;
        }
        if target {
            continue;
        }
        let of_home = [&b"~/"[..], b"$HOME/"].iter().find_map(|head| word.strip_prefix(*head));
        let path = match (of_home, home) {
            (Some(rest), Some(home)) => Some(home.join(HostPath::from(rest))),
            _ => (word.first() == Some(&b'/') && word.len() > 1).then(|| HostPath::from(word)),
        };
        if let Some(path) = path
            && all.len() < MOST_PATHS
            && !all.iter().any(|known: &Named| known.path == path)
        {
            all.push(Named { path, interpreted });
        }
        let name = word.rsplit(|b| *b == b'/').next().unwrap_or_default();
        // Options may stand between an interpreter and its script.
        interpreted = INTERPRETERS.contains(&name) || interpreted && word.starts_with(b"-");
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_of_commands() {
        let home = HostPath::from("/home/a");
        let paths = |command: &str| -> Vec<String> {
            let all = named(command.as_bytes(), Some(&home));
            all.iter()
                .map(|n| format!("{}{}", n.path, if n.interpreted { "!" } else { "" }))
                .collect()
        };
        assert_eq!(paths("/bin/bash -x /opt/x.sh >/var/log/x 2>&1"), ["/bin/bash", "/opt/x.sh!"]);
        assert_eq!(
            paths("cd ~/.x && . $HOME/run; /srv/y"),
            ["/home/a/.x", "/home/a/run!", "/srv/y"]
        );
        assert_eq!(paths("test -x /a || /b > /c"), ["/a", "/b"]);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            prop_assert!(named(&bytes, None).len() <= MOST_PATHS);
        }
    }
}
