//! The folder of a process: `/proc/PID`, or where its first thread has ended while others live
//! on, that of one of those. The kernel shows such a process as a zombie, without executable,
//! memory or files, for as long as the others run.

use super::{Dir, Evidence, HostPath, Pid, Unavailable};

/// Threads that are tried; they share all that is asked of them.
const TRIED: usize = 8;

/// The folder through which a process's files are to be had.
///
/// # Errors
/// Why it cannot be had.
pub fn process_dir<'a>(
    evidence: &'a (impl Evidence + ?Sized),
    pid: Pid,
) -> Result<Box<dyn Dir + 'a>, Unavailable> {
    let dir = evidence.dir(&HostPath::new(format!("/proc/{pid}")))?;
    if dir.link(&HostPath::from("exe")).is_ok() {
        return Ok(dir);
    }
    match living_thread(evidence, dir.as_ref(), pid) {
        Some((_, thread)) => Ok(thread),
        None => Ok(dir),
    }
}

/// A thread of the process that still has an executable, other than the first.
pub fn living_thread<'a>(
    evidence: &'a (impl Evidence + ?Sized),
    process: &dyn Dir,
    pid: Pid,
) -> Option<(Pid, Box<dyn Dir + 'a>)> {
    let names = process.list(&HostPath::from("task")).ok()?;
    let number = |name: &HostPath| std::str::from_utf8(name.as_bytes()).ok()?.parse::<Pid>().ok();
    let threads = names.iter().filter_map(number).filter(|thread| *thread != pid).take(TRIED);
    for thread in threads {
        let path = HostPath::new(format!("/proc/{pid}/task/{thread}"));
        if let Ok(dir) = evidence.dir(&path)
            && dir.link(&HostPath::from("exe")).is_ok()
        {
            return Some((thread, dir));
        }
    }
    None
}
