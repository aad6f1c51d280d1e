//! A stream without an end: the first interrupt ends its reading, so that what was found is printed;
//! the second ends davy.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a shell calls the end by an interrupt.
const INTERRUPTED: i32 = 130;

/// Ends where the user interrupts.
pub(super) struct Stoppable<R> {
    from: R,
    stop: Arc<AtomicBool>,
}

impl<R> Stoppable<R> {
    /// # Errors
    /// Where signals cannot be listened to.
    pub(super) fn new(from: R) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the second finds what the first left.
            flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&stop))?;
        }
        Ok(Self { from, stop })
    }
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("interrupted"));
        }
        self.from.read(into)
    }
}
