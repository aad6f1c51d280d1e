//! The `host` directive: names, versions and clocks.

use super::super::arguments::Arguments;
use super::super::error::Fault;
use super::super::lines::Directive;
use crate::evidence::Clock;
use crate::facts::Time;

/// What is said of the host as a whole.
pub(super) struct About {
    pub hostname: String,
    pub kernel: String,
    pub kernel_version: String,
    pub architecture: String,
    pub os: String,
    pub os_id: String,
    pub os_version: String,
    pub machine_id: String,
    pub boot_id: String,
    pub cmdline: String,
    pub booted: Time,
    pub taken: Time,
    /// When the system was set up: the time of files that state none.
    pub installed: Time,
    /// Nanoseconds that the host has slept since boot.
    pub slept: i64,
    pub zone: String,
    pub cpus: u32,
    /// KiB.
    pub memory: u64,
    pub load: String,
    pub tainted: u64,
}

const DAY: i64 = 86_400_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// Every word that a line may begin with.
const VERBS: &[&str] = &[
    "host",
    "address",
    "neighbour",
    "route",
    "process",
    "socket",
    "file",
    "link",
    "directory",
    "user",
    "mount",
    "package",
    "raw",
];

impl About {
    /// Reads the `host` directive; all of it has defaults.
    pub(super) fn read(directives: &[Directive]) -> Result<Self, Fault> {
        for directive in directives {
            let verb = directive.verb.as_str();
            if !VERBS.contains(&verb) && !super::REFUSALS.contains(&verb) {
                let known = VERBS.join(", ");
                let refusals = super::REFUSALS.join(", ");
                let message = format!("expected one of {known}, {refusals}; found {verb}");
                return Err(Fault::new(directive.line, message));
            }
            if let Some(detail) = directive.details.first()
                && verb != "process"
            {
                return Err(Fault::new(detail.line, format!("{verb} takes no details")));
            }
        }
        let mut hosts = directives.iter().filter(|d| d.verb == "host");
        let first = hosts.next();
        if let Some(second) = hosts.next() {
            return Err(Fault::new(second.line, "expected one host directive, found a second"));
        }
        let none = Directive { verb: "host".to_owned(), ..Directive::default() };
        let directive = first.unwrap_or(&none);
        let mut words = Arguments::new(directive);
        let about = Self::words(&mut words)?;
        words.finish()?;
        Ok(about)
    }

    fn words(words: &mut Arguments<'_>) -> Result<Self, Fault> {
        let mut text =
            |key: &str, default: &str| words.text(key).map(|t| t.unwrap_or(default).to_owned());
        let hostname = text("hostname", "server")?;
        let kernel = text("kernel", "6.1.0-18-amd64")?;
        let kernel_version =
            text("kernel-version", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)")?;
        let architecture = text("arch", "x86_64")?;
        let os = text("os", "Debian GNU/Linux 12 (bookworm)")?;
        let os_id = text("os-id", "debian")?;
        let os_version = text("os-version", "12")?;
        let machine_id = text("machine-id", "0b7d4e2a9c1f4d5e8a6b3c2d1e0f9a8b")?;
        let boot_id = text("boot-id", "5f0c1d2e-3b4a-4c5d-8e6f-708192a3b4c5")?;
        let cmdline = text("cmdline", "BOOT_IMAGE=/boot/vmlinuz root=/dev/sda1 ro quiet")?;
        let zone = text("zone", "UTC")?;
        let load = text("load", "0.08 0.03 0.01 1/180 9000")?;
        let taken = words.time("taken")?.unwrap_or(Time::new(1_795_328_657, 0));
        let booted = words.time("booted")?.unwrap_or(taken.plus(-21 * DAY));
        if booted > taken {
            return Err(words.fault("expected booted= before taken="));
        }
        Ok(Self {
            hostname,
            kernel,
            kernel_version,
            architecture,
            os,
            os_id,
            os_version,
            machine_id,
            boot_id,
            cmdline,
            booted,
            taken,
            installed: words.time("installed")?.unwrap_or(booted.plus(-200 * DAY)),
            slept: words.number::<i64>("slept")?.unwrap_or(0).saturating_mul(SECOND),
            zone,
            cpus: words.number("cpus")?.unwrap_or(2).clamp(1, 1024),
            memory: words.number::<u64>("memory")?.unwrap_or(2048).saturating_mul(1024),
            load,
            tainted: words.number("tainted")?.unwrap_or(0),
        })
    }

    /// The clocks at the moment the evidence was taken.
    pub(super) fn clock(&self) -> Clock {
        let since = self.taken.0.saturating_sub(self.booted.0);
        Clock {
            realtime: self.taken,
            boottime: Some(since),
            monotonic: Some(since.saturating_sub(self.slept)),
            ticks_per_second: 100,
            page_size: 4096,
            zone: self.zone.clone(),
        }
    }

    /// Ticks from boot to a time; 0 for times before it.
    pub(super) fn ticks(&self, time: Time) -> u64 {
        let since = time.0.saturating_sub(self.booted.0);
        u64::try_from(since / (SECOND / 100)).unwrap_or(0)
    }
}
