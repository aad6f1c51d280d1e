//! Whether threads can be started: under a full `pids.max` or `ulimit -u` none can, and that is to
//! be said, not to be stumbled over in the midst of a run.

use rayon::ThreadPoolBuilder;
use std::sync::mpsc::channel;
use std::thread::Builder;

/// Threads that a run has beside its pool: two that read processes, and two more now and then.
const WANTED: usize = 4;

/// Starts as many as a run needs at once, and lets them go. The pool makes do with this thread
/// alone where it gets no others.
///
/// # Errors
/// The system's, where they cannot be started.
pub fn ready() -> std::io::Result<()> {
    std::thread::scope(|scope| {
        let mut held = Vec::new();
        for _ in 0..WANTED {
            let (hold, held_back) = channel::<()>();
            held.push(hold);
            // Each waits until its sender goes.
            Builder::new().spawn_scoped(scope, move || held_back.recv().is_ok())?;
        }
        drop(held);
        Ok::<_, std::io::Error>(())
    })?;
    // Refused as well where the pool is there already, as in a second run of one process.
    if ThreadPoolBuilder::new().build_global().is_err() {
        let _ = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn they_are_let_go_and_asked_for_again() {
        assert!(super::ready().is_ok());
        assert!(super::ready().is_ok());
    }
}
