//! What is being done, on stderr and only where a person watches.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// A spinner with the step's name; nothing at all where stderr is no terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// Starts, unless asked to be quiet.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Names the step that begins.
    pub fn step(&self, name: &str) {
        // The name may hold a path of the host: no control characters to the terminal.
        let shown: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        self.0.set_message(shown);
    }

    /// Takes the line away before results are printed.
    pub fn done(&self) {
        self.0.finish_and_clear();
    }
}
