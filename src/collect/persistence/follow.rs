//! The scripts that entries run, and the scripts that those run: a crontab's line is short where
//! the deed is two files further.

use super::scripts::{MOST_PATHS, Named, Shell};
use super::walk::{Origin, Walk};
use super::{Entry, Text, shell};
use crate::collect::Outcome;
use crate::collect::content::{FIRST_BYTES, content};
use crate::evidence::{FileKind, HostPath, Reason, Unavailable};
use crate::facts::{HostText, Table};
use std::collections::{HashSet, VecDeque};

/// Names of scripts that are remembered.
const MOST_NAMED: usize = 20_000;
/// Scripts that are read in all, and their bytes.
const MOST_SCRIPTS: usize = 1024;
const MOST_BYTES: usize = 32 << 20;
/// Of longer scripts the beginning is followed: they are installers with something packed into them.
const MOST_SCRIPT: usize = 256 << 10;
/// Scripts between an entry and the last one that is read.
pub(in crate::collect) const MOST_STEPS: u8 = 6;

/// A script that a command names.
struct Script {
    named: Named,
    kind: &'static str,
    user: Option<HostText>,
    /// The command's fact, and that of the entry with which it begins.
    run_by: String,
    begun_by: String,
    steps: u8,
}

/// Scripts that are still to be read, and the names of those that were.
#[derive(Default)]
pub(super) struct Scripts {
    waiting: VecDeque<Script>,
    /// Names are told apart where the source has no inodes.
    met: HashSet<(HostPath, bool)>,
    /// Programs of the system that were not captured.
    left: u32,
}

/// Whether it lies where the system's own programs lie.
fn of_the_system(path: &HostPath) -> bool {
    [
        &b"/bin/"[..],
        b"/sbin/",
        b"/lib/",
        b"/usr/bin/",
        b"/usr/sbin/",
        b"/usr/lib/",
        b"/usr/libexec/",
    ]
    .iter()
    .any(|folder| path.as_bytes().starts_with(folder))
}

impl Walk<'_, '_> {
    /// The shell of whom a command runs as.
    pub(super) fn shell(&self, user: Option<&HostText>) -> Shell {
        Shell::at_home(self.home(user))
    }

    pub(super) fn home(&self, user: Option<&HostText>) -> Option<&HostPath> {
        let name = user.map_or(&b"root"[..], HostText::as_bytes);
        self.homes.iter().find(|(user, _)| user.as_bytes() == name).map(|(_, home)| home)
    }

    /// Remembers the scripts that a command may run.
    pub(super) fn follow(
        &mut self,
        origin: &mut Origin<'_>,
        command: &HostText,
        decoded: Option<&HostText>,
        user: Option<&HostText>,
        key: &str,
    ) {
        // One step more than is read: there it is seen whether there is a script.
        if origin.kind == "preload" || origin.steps > MOST_STEPS {
            return;
        }
        let run_by = format!("{}/{key}", Entry::DEF.name);
        for text in [Some(command), decoded].into_iter().flatten() {
            for named in origin.shell.named(text.as_bytes()) {
                let met = (named.path.clone(), named.interpreted);
                if self.scripts.met.contains(&met) {
                    continue;
                }
                if self.scripts.met.len() >= MOST_NAMED {
                    let detail = format!("{MOST_NAMED} files that entries name were looked at");
                    self.missed(&Unavailable::new(&named.path, Reason::TooMuch, detail));
                    continue;
                }
                self.scripts.met.insert(met);
                self.scripts.waiting.push_back(Script {
                    named,
                    kind: origin.kind,
                    user: user.cloned(),
                    begun_by: origin.begun_by.map_or_else(|| run_by.clone(), str::to_owned),
                    run_by: run_by.clone(),
                    steps: origin.steps + 1,
                });
            }
            if origin.shell.left_out > 0 {
                let detail = format!("a command names more than {MOST_PATHS} files");
                self.missed(&Unavailable::new(origin.path, Reason::TooMuch, detail));
            }
        }
    }

    /// Reads the scripts, those that entries run themselves before those that these run, and
    /// stores their lines. Which of them packages own is not known yet: the collector of files
    /// takes those away.
    pub(super) fn scripts(&mut self) -> Outcome {
        let (mut read, mut left) = (0, MOST_BYTES);
        while let Some(script) = self.scripts.waiting.pop_front() {
            let path = &script.named.path;
            let Ok(stat) = self.root().stat(path) else { continue };
            if stat.kind != FileKind::File || self.met(&stat) {
                continue;
            }
            // Most are programs: their first bytes tell.
            let mut bytes = Vec::new();
            let first = self.root().read(path, FIRST_BYTES, &mut bytes);
            let word = content(&bytes);
            // Collectors leave the system's programs where they are: most are no scripts.
            let absent = first.as_ref().is_err_and(|why| why.reason == Reason::NotCaptured);
            if absent && !script.named.interpreted && of_the_system(path) {
                self.scripts.left += 1;
                continue;
            }
            if first.is_ok() && word != "script" && !(script.named.interpreted && word == "text") {
                continue;
            }
            if script.steps > MOST_STEPS {
                let detail = format!("a script behind {MOST_STEPS} others; not followed");
                self.missed(&Unavailable::new(path, Reason::TooMuch, detail));
                continue;
            }
            self.first(&stat);
            bytes.clear();
            match self.root().read(path, MOST_SCRIPT, &mut bytes) {
                Ok(false) => {}
                Ok(true) => {
                    // What is of no shell is a program, and is not followed line by line anyhow.
                    let shell = of_a_shell(path, &bytes);
                    let reason = if shell { Reason::TooMuch } else { Reason::NotCaptured };
                    let detail = format!(
                        "{} bytes; of a script the first {MOST_SCRIPT} are followed",
                        stat.size
                    );
                    self.missed(&Unavailable::new(path, reason, detail));
                }
                Err(why) => {
                    self.missed(&why);
                    continue;
                }
            }
            read += 1;
            if read > MOST_SCRIPTS || bytes.len() > left {
                let detail = format!("{} scripts that entries run were read", read - 1);
                self.missed(&Unavailable::new(path, Reason::TooMuch, detail));
                break;
            }
            left -= bytes.len();
            let (found, _) = shell::commands(&Text { path, bytes: &bytes });
            let mut origin = Origin {
                kind: script.kind,
                path,
                stat: &stat,
                when: None,
                owner: script.user.as_ref(),
                run_by: Some(&script.run_by),
                begun_by: Some(&script.begun_by),
                steps: script.steps,
                shell: Shell::of_script(path, self.home(script.user.as_ref())),
                left_out: 0,
            };
            self.store_all(&mut origin, found)?;
        }
        if self.scripts.left > 0 {
            let count = self.scripts.left;
            let why = format!(
                "{count} programs of the system that entries run were not captured, and are taken for no scripts"
            );
            self.host.gaps.note("persistence", why);
        }
        Ok(())
    }
}

/// Whether a script is one of a shell: by its first line, or, where that says nothing, since no other
/// language's name ends its own.
fn of_a_shell(path: &HostPath, bytes: &[u8]) -> bool {
    let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    if let Some(program) = first.strip_prefix(b"#!") {
        let words = program.split(|b| matches!(b, b' ' | b'\t' | b'/'));
        return words.into_iter().any(|word| word.ends_with(b"sh"));
    }
    let others: [&[u8]; 9] =
        [b".js", b".mjs", b".cjs", b".py", b".pl", b".pm", b".php", b".rb", b".lua"];
    !others.iter().any(|end| path.as_bytes().ends_with(end))
}
