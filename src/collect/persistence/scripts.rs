//! Which scripts a command line runs: a crontab's line is short where the deed is in the file it
//! names.

use crate::evidence::HostPath;
use std::borrow::Cow;

/// Programs whose argument is a script.
const INTERPRETERS: &[&[u8]] = &[
    b"sh", b"bash", b"dash", b"zsh", b"ksh", b"ash", b"source", b".", b"python", b"python2",
    b"python3", b"perl", b"php", b"ruby", b"node", b"lua",
];

/// Paths of one command that are looked at.
pub(super) const MOST_PATHS: usize = 64;

/// A file that a command may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub path: HostPath,
    /// An interpreter stands before it: it is a script even without `#!`.
    pub interpreted: bool,
}

/// Variables of one script that are remembered.
const MOST_VARIABLES: usize = 64;

/// Ways to say: the folder that this script lies in.
const OWN_FOLDER: &[&[u8]] = &[
    b"$(dirname \"$0\")",
    b"$(dirname $0)",
    b"`dirname $0`",
    b"`dirname \"$0\"`",
    b"$(dirname \"${BASH_SOURCE[0]}\")",
    b"$(dirname ${BASH_SOURCE[0]})",
    b"${0%/*}",
    b"${BASH_SOURCE%/*}",
];

/// What is known of the shell that runs a command, from the commands before it: enough to tell
/// which files relative names and simple variables mean. Guesses cost nothing: a file that is not
/// there is not read.
#[derive(Clone, Debug, Default)]
pub(super) struct Shell {
    /// Of whom it runs as.
    home: Option<HostPath>,
    /// Where the script itself lies.
    own: Option<HostPath>,
    /// The working directory.
    folder: Option<HostPath>,
    /// Those that were given an absolute path.
    variables: Vec<(Vec<u8>, HostPath)>,
    /// Paths of the last command that are too many to be looked at.
    pub left_out: usize,
}

impl Shell {
    /// As cron and systemd start one.
    pub fn at_home(home: Option<&HostPath>) -> Self {
        Self { home: home.cloned(), folder: home.cloned(), ..Self::default() }
    }

    /// As a script runs in. Whoever starts one beside others mostly goes to its folder before.
    pub fn of_script(path: &HostPath, home: Option<&HostPath>) -> Self {
        let own = Some(path.parent());
        Self { home: home.cloned(), folder: own.clone(), own, ..Self::default() }
    }

    /// The files that a command may run: absolute paths, those below the home of whom it runs as,
    /// below variables, and relative ones that are plainly run. Targets of redirections are not
    /// among them.
    pub fn named(&mut self, command: &[u8]) -> Vec<Named> {
        let command = self.with_own_folder(command);
        let mut all: Vec<Named> = Vec::new();
        self.left_out = 0;
        let (mut redirected, mut interpreted, mut goes) = (false, false, false);
        for word in command.split(|b| b.is_ascii_whitespace() || b";|&()`\"',".contains(b)) {
            if word.is_empty() || matches!(word, b"{" | b"}") {
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
            let word = self.value(word);
            let path = self.path(word, interpreted || goes);
            if goes && !word.starts_with(b"-") {
                goes = false;
                self.folder = path.or(self.folder.take());
                continue;
            }
            goes |= word == b"cd" || word == b"pushd";
            if let Some(path) = path
                && !all.iter().any(|known| known.path == path)
            {
                if all.len() < MOST_PATHS {
                    all.push(Named { path, interpreted });
                } else {
                    self.left_out += 1;
                }
            }
            let name = word.rsplit(|b| *b == b'/').next().unwrap_or_default();
            // Options may stand between an interpreter and its script.
            interpreted = INTERPRETERS.contains(&name) || interpreted && word.starts_with(b"-");
        }
        all
    }

    /// The command with the folder of its script written out.
    fn with_own_folder<'c>(&self, command: &'c [u8]) -> Cow<'c, [u8]> {
        let mut command = Cow::Borrowed(command);
        let Some(own) = &self.own else { return command };
        if memchr::memchr2(b'$', b'`', &command).is_none() {
            return command;
        }
        for words in OWN_FOLDER {
            let mut written = Vec::new();
            let mut rest: &[u8] = &command;
            while let Some(at) = memchr::memmem::find(rest, words) {
                written.extend_from_slice(rest.get(..at).unwrap_or_default());
                written.extend_from_slice(own.as_bytes());
                rest = rest.get(at + words.len()..).unwrap_or_default();
            }
            if !written.is_empty() {
                written.extend_from_slice(rest);
                command = Cow::Owned(written);
            }
        }
        command
    }

    /// What stands behind the sign of `--option=/path` and `NAME=/path`, which is remembered;
    /// else the word itself.
    fn value<'w>(&mut self, word: &'w [u8]) -> &'w [u8] {
        let Some((_, value)) = split(word, |b| b == b'=') else { return word };
        let value = value.get(1..).unwrap_or_default();
        let Some(path) = self.path(value, false) else { return value };
        if let Some((name, _)) = super::lines::assignment(word) {
            self.variables.retain(|(known, _)| known != name);
            if self.variables.len() < MOST_VARIABLES {
                self.variables.push((name.to_vec(), path));
            }
        }
        value
    }

    /// The absolute path that a word is; a bare name is one only where it can be nothing else.
    fn path(&self, word: &[u8], plainly: bool) -> Option<HostPath> {
        let below = |folder: &Option<HostPath>, rest: &[u8]| {
            let folder = folder.as_ref()?;
            Some(if rest.is_empty() { folder.clone() } else { folder.join(HostPath::from(rest)) })
        };
        match word {
            [b'/', _, ..] => Some(HostPath::from(word)),
            [b'~'] | [b'~', b'/', ..] => below(&self.home, word.get(2..).unwrap_or_default()),
            [b'$', name @ ..] => {
                let (name, rest) = match name.strip_prefix(b"{") {
                    Some(braced) => split(braced, |b| b == b'}')?,
                    None => split(name, |b| b == b'/').unwrap_or((name, &b""[..])),
                };
                let rest = rest.strip_prefix(b"}").unwrap_or(rest);
                let rest = rest.strip_prefix(b"/").unwrap_or(rest);
                let known = self.variables.iter().find(|(known, _)| known == name);
                match known {
                    Some((_, folder)) => below(&Some(folder.clone()), rest),
                    None if name == b"HOME" => below(&self.home, rest),
                    None if name == b"PWD" => below(&self.folder, rest),
                    None => None,
                }
            }
            [b'.', b'/', rest @ ..] if !rest.is_empty() => below(&self.folder, rest),
            [b'.', b'.', b'/', _, ..] => below(&self.folder, word),
            [] | [b'-', ..] | b"." | b".." | b"/" => None,
            _ if plainly => below(&self.folder, word),
            _ => None,
        }
    }
}

fn split(text: &[u8], at: impl Fn(u8) -> bool) -> Option<(&[u8], &[u8])> {
    text.split_at_checked(text.iter().position(|b| at(*b))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(shell: &mut Shell, command: &str) -> Vec<String> {
        let all = shell.named(command.as_bytes());
        all.iter().map(|n| format!("{}{}", n.path, if n.interpreted { "!" } else { "" })).collect()
    }

    #[test]
    fn paths_of_commands() {
        let home = HostPath::from("/home/a");
        let paths = |command: &str| told(&mut Shell::at_home(Some(&home)), command);
        assert_eq!(paths("/bin/bash -x /opt/x.sh >/var/log/x 2>&1"), ["/bin/bash", "/opt/x.sh!"]);
        assert_eq!(paths("cd ~/.x && . $HOME/run; /srv/y"), ["/home/a/run!", "/srv/y"]);
        assert_eq!(paths("cd /opt/.x && ./run; sh b.sh"), ["/opt/.x/run", "/opt/.x/b.sh!"]);
        assert_eq!(paths("X=/opt/y $X/z ${HOME}/q"), ["/opt/y", "/opt/y/z", "/home/a/q"]);
        assert_eq!(paths("cd; make install"), Vec::<String>::new());
        assert_eq!(paths("test -x /a || /b > /c"), ["/a", "/b"]);
    }

    #[test]
    fn paths_that_are_too_many_are_counted() {
        let command = (0..MOST_PATHS + 3).map(|n| format!(" /opt/{n}")).collect::<String>();
        let mut shell = Shell::default();
        assert_eq!((told(&mut shell, &command).len(), shell.left_out), (MOST_PATHS, 3));
        assert_eq!((told(&mut shell, "/a /b").len(), shell.left_out), (2, 0));
    }

    #[test]
    fn a_script_knows_where_it_lies() {
        let mut shell = Shell::of_script(&HostPath::from("/usr/share/.x/a.sh"), None);
        assert_eq!(told(&mut shell, ". $(dirname \"$0\")/lib"), ["/usr/share/.x/lib!"]);
        assert_eq!(
            told(&mut shell, "D=${0%/*}; exec bash -x b.sh"),
            ["/usr/share/.x", "/usr/share/.x/b.sh!"]
        );
        assert_eq!(told(&mut shell, "${D}/c $D/d"), ["/usr/share/.x/c", "/usr/share/.x/d"]);
        assert_eq!(told(&mut shell, "cd /srv"), Vec::<String>::new());
        assert_eq!(told(&mut shell, "./e"), ["/srv/e"], "from line to line");
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let mut shell = Shell::of_script(&HostPath::from("/a/b"), None);
            prop_assert!(shell.named(&bytes).len() <= MOST_PATHS);
        }

        #[test]
        fn any_words(text in r"(cd |\$\(dirname \$0\)|\$\{?[A-Z0]?\}?|[/.~;='> ]|A=|sh |x){0,16}") {
            let mut shell = Shell::of_script(&HostPath::from("/a/b"), Some(&HostPath::from("/h")));
            shell.named(text.as_bytes());
            prop_assert!(shell.named(text.as_bytes()).len() <= MOST_PATHS);
        }
    }
}
