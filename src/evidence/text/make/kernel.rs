//! The files of /proc that are the kernel's own.

use super::Maker;
use crate::evidence::tree::Body;

const MOUNTS: &str = "\
21 24 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
22 24 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
23 24 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=1001012k,mode=755
24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
25 23 0:1 / /dev/shm rw,nosuid,nodev shared:4 - tmpfs tmpfs rw
26 24 0:25 / /run rw,nosuid,nodev,noexec,relatime shared:5 - tmpfs tmpfs rw,size=203520k,mode=755
";

impl Maker {
    /// Writes /proc's own files, /proc/PID/mountinfo, and the links `net` and `mounts`.
    pub(super) fn kernel(&mut self) {
        let clock = self.about.clock();
        let up = clock.boottime.unwrap_or(0) / 10_000_000;
        let seconds = self.about.booted.0.div_euclid(1_000_000_000);
        let cpus = self.about.cpus;
        let memory = self.about.memory;
        let (hostname, kernel) = (self.about.hostname.clone(), self.about.kernel.clone());
        let build = self.about.kernel_version.clone();
        let proc = self.proc_directory("/proc");
        self.put_proc(proc, "uptime", format!("{}.{:02} {}.00\n", up / 100, up % 100, up / 100));
        let mut stat = "cpu  100 0 100 10000 0 0 0 0 0 0\n".to_owned();
        let mut cpuinfo = String::new();
        for cpu in 0..cpus {
            stat += &format!("cpu{cpu} 50 0 50 5000 0 0 0 0 0 0\n");
            cpuinfo += &format!("processor\t: {cpu}\nmodel name\t: Virtual CPU\n\n");
        }
        stat += &format!("ctxt 1000\nbtime {seconds}\nprocesses 9000\nprocs_running 1\n");
        self.put_proc(proc, "stat", stat);
        self.put_proc(proc, "cpuinfo", cpuinfo);
        let available = memory / 4 * 3;
        self.put_proc(
            proc,
            "meminfo",
            format!(
                "MemTotal:       {memory:8} kB\nMemFree:        {:8} kB\nMemAvailable:   {available:8} kB\n\
                 Buffers:            1024 kB\nCached:             2048 kB\nSwapTotal:             0 kB\n",
                memory / 2
            ),
        );
        let load = format!("{}\n", self.about.load);
        let cmdline = format!("{}\n", self.about.cmdline);
        self.put_proc(proc, "loadavg", load);
        self.put_proc(proc, "cmdline", cmdline);
        self.put_proc(
            proc,
            "version",
            format!("Linux version {kernel} (debian-kernel@lists.debian.org) (gcc-12) {build}\n"),
        );
        self.put_proc(proc, "modules", "ext4 1126400 1 - Live 0x0000000000000000\n");
        self.put_proc(proc, "filesystems", "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\n\text4\n");
        let sys = self.proc_directory("/proc/sys/kernel");
        for (name, text) in [
            ("hostname", hostname.as_str()),
            ("osrelease", &kernel),
            ("ostype", "Linux"),
            ("version", &build),
            ("arch", &self.about.architecture.clone()),
            ("domainname", "(none)"),
            ("tainted", &self.about.tainted.to_string()),
            ("pid_max", "4194304"),
            ("core_pattern", "core"),
            ("kptr_restrict", "0"),
            ("modules_disabled", "0"),
            ("randomize_va_space", "2"),
        ] {
            self.put_proc(sys, name, format!("{text}\n"));
        }
        let random = self.proc_directory("/proc/sys/kernel/random");
        let boot_id = format!("{}\n", self.about.boot_id);
        self.put_proc(random, "boot_id", boot_id);
        self.mountinfo();
        // There is no `self`: that is whoever reads, and nobody did when the page was written.
        self.proc_link("net", "1/net");
        self.proc_link("mounts", "1/mounts");
    }

    fn mountinfo(&mut self) {
        let mut info = MOUNTS.to_owned();
        for mount in &self.mounts {
            info += mount;
            info.push('\n');
        }
        let mounts: String = info
            .lines()
            .filter_map(|line| {
                let (left, right) = line.split_once(" - ")?;
                let mut left = left.split(' ').skip(4);
                let (point, options) = (left.next()?, left.next()?);
                let mut right = right.split(' ');
                let (kind, device) = (right.next()?, right.next()?);
                Some(format!("{device} {point} {kind} {options} 0 0\n"))
            })
            .collect();
        let proc = self.proc_directory("/proc");
        let processes: Vec<_> = match self.tree.get(proc).map(|n| &n.body) {
            Some(Body::Names(names)) => names
                .iter()
                .filter(|(name, _)| name.iter().all(u8::is_ascii_digit))
                .map(|(_, id)| *id)
                .collect(),
            _ => Vec::new(),
        };
        for process in processes {
            self.put_proc(process, "mountinfo", &info);
            self.put_proc(process, "mounts", &mounts);
        }
    }

    fn proc_link(&mut self, name: &str, target: &str) {
        let proc = self.proc_directory("/proc");
        let attributes = self.in_proc(0o777);
        let id = self.tree.add(&attributes, Body::Link(target.as_bytes().to_vec()));
        self.tree.name(proc, name.as_bytes(), id);
    }
}
