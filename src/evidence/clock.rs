//! The clock probe: three clocks read back to back, so that ticks since boot become times.

use crate::facts::Time;

/// When evidence was taken, and what turns the kernel's counts into times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The host's wall clock at the probe.
    pub realtime: Time,
    /// Nanoseconds since boot at the same moment, sleep included (`CLOCK_BOOTTIME`).
    pub boottime: Option<i64>,
    /// Nanoseconds since boot at the same moment, sleep left out (`CLOCK_MONOTONIC`).
    pub monotonic: Option<i64>,
    /// Clock ticks a second, the unit of /proc/PID/stat.
    pub ticks_per_second: i64,
    /// Bytes a page.
    pub page_size: u64,
    /// The zone's name or offset as the host has it; empty where not known.
    pub zone: String,
}

impl Clock {
    /// When the host booted, by the wall clock as it is now: /proc/stat's `btime` is cut to a
    /// second and moves when the clock is stepped, so the pair is measured instead.
    #[must_use]
    pub fn booted(&self) -> Option<Time> {
        self.boottime.map(|since| self.realtime.plus(since.saturating_neg()))
    }

    /// The time of a count of ticks since boot.
    #[must_use]
    pub fn at_ticks(&self, ticks: u64) -> Option<Time> {
        let per_tick = 1_000_000_000_i64.checked_div(self.ticks_per_second)?;
        let since = i64::try_from(ticks).ok()?.checked_mul(per_tick)?;
        Some(self.booted()?.plus(since))
    }
}
