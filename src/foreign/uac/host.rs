//! The host itself: its name, kernel, clock and mounts.

use super::{Uac, log};
use crate::evidence::{Clock, HostPath};
use crate::facts::Time;
use crate::foreign::output::{lines, mounts};

impl Uac<'_> {
    /// When the host booted, by `uptime -s` or the time that `uptime` says it is up.
    pub(super) fn booted(&self) -> Option<Time> {
        let offset = self.log.offset;
        if let Some((text, _)) = self.member("live_response/system/uptime_-s.txt") {
            let text = String::from_utf8_lossy(text);
            return log::stamp(text.lines().next()?, offset);
        }
        let (text, _) = self.member("live_response/system/uptime.txt")?;
        let text = String::from_utf8_lossy(text);
        let (_, up) = text.split_once(" up ")?;
        let mut seconds = 0_i64;
        for part in up.split(',').take(2) {
            let part = part.trim();
            if let Some((days, _)) = part.split_once(" day") {
                seconds += days.trim().parse::<i64>().ok()? * 86_400;
            } else if let Some((hours, minutes)) = part.split_once(':') {
                seconds += hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
            } else if let Some((minutes, _)) = part.split_once(" min") {
                seconds += minutes.parse::<i64>().ok()? * 60;
            }
        }
        let now = self.log.began?;
        (seconds > 0).then(|| now.plus(seconds.saturating_mul(-1_000_000_000)))
    }

    pub(super) fn clock(&self, booted: Option<Time>) -> Clock {
        let newest = || {
            let times = self.spool.members.values().map(|member| member.mtime);
            Time::new(times.max().unwrap_or(0), 0)
        };
        let taken = self.log.began.unwrap_or_else(newest);
        let since = booted.map(|booted| taken.0.saturating_sub(booted.0)).filter(|s| *s >= 0);
        Clock {
            realtime: taken,
            boottime: since,
            monotonic: None,
            ticks_per_second: 100,
            page_size: 4096,
            zone: self.log.zone.clone().unwrap_or_default(),
        }
    }

    /// What the kernel tells of itself, as far as programs printed it.
    pub(super) fn about(&mut self, booted: Option<Time>) {
        let system = "live_response/system";
        let uname = self.member(&format!("{system}/uname_-a.txt"));
        let uname =
            uname.map(|(text, member)| (String::from_utf8_lossy(text).into_owned(), member));
        if let Some((text, member)) = uname {
            // `Linux web-03 6.1.0-18-amd64 #1 SMP … x86_64 GNU/Linux`
            let mut words = text.split_whitespace().skip(1);
            let (host, release) = (words.next(), words.next());
            let rest: Vec<&str> = words.collect();
            if let (Some(host), Some(release)) = (host, release) {
                self.host.proc(
                    "/proc/sys/kernel/hostname",
                    format!("{host}\n").into_bytes(),
                    &member,
                );
                self.host.proc(
                    "/proc/sys/kernel/osrelease",
                    format!("{release}\n").into_bytes(),
                    &member,
                );
                let machine = rest.iter().rposition(|w| !w.contains('/') && *w != "unknown");
                let version: Vec<&str> =
                    rest.iter().take(machine.unwrap_or(rest.len())).copied().collect();
                self.host.proc(
                    "/proc/sys/kernel/version",
                    format!("{}\n", version.join(" ")).into_bytes(),
                    &member,
                );
            }
        } else if let Some(name) = self.log.hostname.clone() {
            let member = "uac.log";
            self.host.proc("/proc/sys/kernel/hostname", format!("{name}\n").into_bytes(), member);
        }
        if let Some(machine) = self.log.architecture.clone() {
            self.host.proc("/proc/sys/kernel/arch", format!("{machine}\n").into_bytes(), "uac.log");
        }
        self.copy(&format!("{system}/cat_proc_sys_kernel_tainted.txt"), "/proc/sys/kernel/tainted");
        self.copy("live_response/process/proc/modules.txt", "/proc/modules");
        self.copy("live_response/hardware/cpuinfo.txt", "/proc/cpuinfo");
        self.load();
        self.mounts();
        if let Some(since) = self.clock(booted).boottime {
            let text = format!("{}.00 0.00\n", since / 1_000_000_000);
            self.host.proc("/proc/uptime", text.into_bytes(), "live_response/system/uptime.txt");
        }
    }

    /// A member that is a file of the kernel's as it stands.
    pub(super) fn copy(&mut self, name: &str, path: &str) -> bool {
        let Some((bytes, member)) = self.member(name) else { return false };
        let bytes = bytes.to_vec();
        self.host.proc(path, bytes, &member);
        true
    }

    fn load(&mut self) {
        let Some((text, member)) = self.member("live_response/system/uptime.txt") else { return };
        let text = String::from_utf8_lossy(text);
        let Some((_, load)) = text.split_once("load average: ") else { return };
        let load = load.trim().replace(',', "");
        self.host.proc("/proc/loadavg", format!("{load}\n").into_bytes(), &member);
    }

    fn mounts(&mut self) {
        let mut binds = Vec::new();
        for name in ["findmnt_-J.txt", "findmnt.txt"] {
            if let Some((text, _)) = self.member(&format!("live_response/storage/{name}")) {
                binds = mounts::binds(text);
                break;
            }
        }
        let raw = self.member("live_response/process/proc/1/mounts.txt");
        let raw = raw.map(|(text, member)| (text.to_vec(), member));
        let printed = || {
            let names = ["live_response/storage/mount.txt", "live_response/modifiers/mount.txt"];
            let (text, member) = self.first(&names)?;
            Some((mounts::from_mount(text), member))
        };
        let Some((text, member)) = raw.or_else(printed) else { return };
        let info = mounts::mountinfo(&text, &binds);
        if lines(&info).any(|line| !line.is_empty()) {
            self.host.proc("/proc/self/mountinfo", info, &member);
            self.host.directory(&HostPath::from("/proc/self"), None, false);
        }
    }
}
