//! The host itself.

use super::{Collector, Host, Outcome, Run};
use crate::facts::{Facts, HostText, Table, Time};

crate::table! {
    pub struct HostRow in host, "The host: one row.";
    hostname: HostText, "", "Node name.";
    kernel: HostText, "", "Kernel release.";
    kernel_version: HostText, "", "Kernel build, as uname -v has it.";
    architecture: HostText, "", "Machine, as uname -m has it.";
    os: Option<HostText>, "", "PRETTY_NAME of os-release.";
    machine_id: Option<HostText>, "", "/etc/machine-id.";
    boot_id: Option<HostText>, "", "/proc/sys/kernel/random/boot_id.";
    cmdline: Option<HostText>, "", "Kernel command line.";
    booted: Option<Time>, "", "Boot, measured: realtime less boottime.";
    taken: Time, "", "The host's wall clock when the evidence was taken.";
    boottime: Option<i64>, "ns", "CLOCK_BOOTTIME at that moment.";
    monotonic: Option<i64>, "ns", "CLOCK_MONOTONIC at that moment.";
    ticks_per_second: i64, "1/s", "Unit of the kernel's process times.";
    page_size: u64, "bytes", "Page size.";
    zone: String, "", "Time zone; empty where not known.";
    cpus: Option<u32>, "", "Processors online.";
    memory_total: Option<u64>, "bytes", "Memory.";
    memory_available: Option<u64>, "bytes", "Memory available.";
    load: Option<HostText>, "", "/proc/loadavg.";
    tainted: Option<i64>, "", "Kernel taint bits.";
    reader_uid: Option<u32>, "", "Whom davy ran as; NULL for evidence taken earlier.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "host", tables: &[HostRow::DEF], run: Run::Host(collect) };

fn collect(_host: &Host<'_>, _facts: &Facts) -> Outcome {
    Ok(())
}
