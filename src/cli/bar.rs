//! How far a batch is, on stderr and only where a person watches.

use crate::batch::{Event, Status};
use crate::facts::HostText;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bar with what is done, what is left, and what is being looked at.
pub struct Bar {
    bar: ProgressBar,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeSet<String>,
    put_aside: u64,
    /// Those that an earlier run had not done already.
    fresh: u32,
}

impl Bar {
    /// Of so many archives; hidden where asked.
    pub fn new(archives: u64, quiet: bool) -> Self {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(archives), target);
        // The last part is cut where the terminal ends.
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar, began: Instant::now(), state: Mutex::default() }
    }

    /// Before the first is triaged, each is read once to know it again.
    pub fn reading(&self, path: &Path, number: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(number as u64);
        self.bar.set_message(format!("digests · {}", name(path)));
    }

    /// Then they are looked at.
    pub fn starts(&mut self, archives: usize) {
        self.bar.set_length(archives as u64);
        self.bar.set_position(0);
        self.bar.set_message("");
        self.began = Instant::now();
    }

    /// What became of one.
    pub fn tell(&self, event: Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Begun(item) => {
                state.running.insert(name(&item.path));
            }
            Event::Ended(item, record, fresh) => {
                state.running.remove(&name(&item.path));
                state.put_aside += u64::from(record.status == Status::PutAside);
                state.fresh += u32::from(fresh);
                self.bar.inc(1);
            }
        }
        let left = self.bar.length().unwrap_or(0).saturating_sub(self.bar.position());
        self.bar.set_message(words(&state, self.began.elapsed(), left));
    }

    /// Takes the line away.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}

/// `12 a minute · 3 minutes left · 2 put aside · at web-03.tar.gz`.
fn words(state: &State, elapsed: Duration, left: u64) -> String {
    let mut parts = Vec::new();
    if state.fresh > 0 {
        let each = elapsed / state.fresh;
        let minute = Duration::from_secs(60).as_secs_f64() / each.as_secs_f64().max(1e-6);
        parts.push(format!("{minute:.0} a minute"));
        let left = each.saturating_mul(u32::try_from(left).unwrap_or(u32::MAX));
        if left >= Duration::from_secs(1) {
            parts.push(format!("{} left", HumanDuration(left)));
        }
    }
    if state.put_aside > 0 {
        parts.push(format!("{} put aside", state.put_aside));
    }
    if !state.running.is_empty() {
        let names: Vec<&str> = state.running.iter().map(String::as_str).collect();
        parts.push(format!("at {}", names.join(", ")));
    }
    parts.join(" · ")
}

/// The last part of a path, harmless to a terminal.
fn name(path: &Path) -> String {
    let last = path.file_name().unwrap_or(path.as_os_str());
    super::library::printable(&HostText::from(last.as_bytes()).escaped()).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_wants_to_know() {
        let mut state = State::default();
        assert_eq!(words(&state, Duration::ZERO, 9), "");
        state.running.extend(["a.tar".to_owned(), "b.tar".to_owned()]);
        (state.fresh, state.put_aside) = (4, 1);
        let told = words(&state, Duration::from_secs(20), 24);
        assert_eq!(told, "12 a minute · 2 minutes left · 1 put aside · at a.tar, b.tar");
        state.running.clear();
        assert!(!words(&state, Duration::from_millis(1), 0).contains("left"));
        assert_eq!(name(Path::new("/x/a\u{1b}[2Jb")), r"a\x1b[2Jb");
    }
}
