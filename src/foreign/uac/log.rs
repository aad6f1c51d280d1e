//! uac.log: `2026-11-22 05:23:08 +0000 INF Hostname: web-03`.

use crate::facts::Time;
use crate::foreign::output::lines;
use std::collections::BTreeSet;

/// What the log tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    pub version: Option<String>,
    pub command_line: Option<String>,
    pub system: Option<String>,
    pub architecture: Option<String>,
    pub hostname: Option<String>,
    pub zone: Option<String>,
    pub mount_point: Option<String>,
    pub user: Option<String>,
    pub excluded: Option<String>,
    /// The collector's own process.
    pub pid: Option<u32>,
    pub began: Option<Time>,
    pub ended: Option<Time>,
    /// Seconds east of Greenwich.
    pub offset: i64,
    /// Processes whose executable was cut at the limit of dd.
    pub cut: BTreeSet<u32>,
}

impl Log {
    /// Reads what is understood.
    pub fn parse(text: &[u8]) -> Self {
        let mut log = Self::default();
        for line in lines(text) {
            let line = String::from_utf8_lossy(line);
            log.line(&line);
        }
        log
    }

    fn line(&mut self, line: &str) {
        let mut words = line.splitn(5, ' ');
        let (Some(date), Some(time), Some(zone), Some(kind), Some(text)) =
            (words.next(), words.next(), words.next(), words.next(), words.next())
        else {
            return;
        };
        let Some(offset) = offset(zone) else { return };
        let at = stamp(&format!("{date} {time}"), offset);
        if self.began.is_none() {
            self.began = at;
            self.offset = offset;
        }
        self.ended = at.or(self.ended);
        match kind {
            "INF" | "INFO" => self.information(text),
            "CMD" | "COMMAND" => self.command(text),
            _ => {}
        }
    }

    fn information(&mut self, text: &str) {
        if self.version.is_none()
            && let Some((_, version)) = text.split_once("Artifacts Collector")
        {
            let word = version.split_whitespace().find(|w| w.contains('.'));
            self.version = word.map(|w| w.trim_matches(|c: char| !c.is_ascii_digit()).to_owned());
        }
        let Some((key, value)) = text.split_once(": ") else { return };
        let value = Some(value.trim().to_owned()).filter(|v| !v.is_empty());
        match key.to_ascii_lowercase().as_str() {
            "command line" => self.command_line = value,
            "operating system" => self.system = value.map(|v| v.to_lowercase()),
            "system architecture" => self.architecture = value,
            "hostname" => self.hostname = value,
            "time zone" => self.zone = value,
            "mount point" => self.mount_point = value,
            "running as" | "current user" => self.user = value,
            "exclude mount points" => self.excluded = value,
            "current pid" => self.pid = value.and_then(|v| v.parse().ok()),
            _ => {}
        }
    }

    /// `dd if=/proc/"44"/exe of=recovered_exe bs=1024 count=20000 2> 20000+0 records in/n…`
    fn command(&mut self, text: &str) {
        if !text.starts_with("dd if=/proc/") || !text.contains("/exe") {
            return;
        }
        let digits: String =
            text.chars().skip(12).filter(|c| *c != '"').take_while(char::is_ascii_digit).collect();
        if text.contains("20000+0 records in") || text.contains("50000+0 records in") {
            self.cut.extend(digits.parse::<u32>());
        }
    }
}

/// `+0130` in seconds.
pub(super) fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours: i64 = zone.get(1..3)?.parse().ok()?;
    let minutes: i64 = zone.get(3..5)?.parse().ok()?;
    Some(sign * (hours * 3600 + minutes * 60))
}

/// `2026-11-22 05:23:08`, of a clock so many seconds ahead of UTC.
pub(super) fn stamp(text: &str, offset: i64) -> Option<Time> {
    let when: jiff::civil::DateTime = text.trim().replacen(' ', "T", 1).parse().ok()?;
    let seconds = when.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    Some(Time::new(seconds.checked_sub(offset)?, 0))
}

/// `Sun Nov 22 05:23:05 2026`, as `ps` prints lstart.
pub(super) fn started(words: &[u8], offset: i64) -> Option<Time> {
    let text = String::from_utf8_lossy(words);
    let mut words = text.split_whitespace().skip(1);
    let (month, day, clock, year) = (words.next()?, words.next()?, words.next()?, words.next()?);
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|m| *m == month)?.checked_add(1)?;
    let day: u8 = day.parse().ok()?;
    stamp(&format!("{year}-{month:02}-{day:02} {clock}"), offset)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_major_versions() {
        let three = Log::parse(
            b"2026-11-22 05:23:08 +0100 INF Unix-like Artifacts Collector 3.3.0\n\
            2026-11-22 05:23:08 +0100 INF Hostname: web-03\n2026-11-22 05:23:08 +0100 INF Current PID: 36\n\
            2026-11-22 05:23:09 +0100 CMD dd if=/proc/\"44\"/exe of=recovered_exe bs=1024 count=20000 2> 20000+0 records in/n\n",
        );
        assert_eq!(three.version.as_deref(), Some("3.3.0"));
        assert_eq!((three.pid, three.hostname.as_deref()), (Some(36), Some("web-03")));
        assert_eq!(three.began.unwrap().to_string(), "2026-11-22T04:23:08Z");
        assert!(three.cut.contains(&44));
        let two = Log::parse(
            b"2024-01-02 03:04:05 +0000 INFO UAC (Unix-like Artifacts Collector) 2.9.1\n\
              2024-01-02 03:04:05 +0000 INFO Operating System: linux\n",
        );
        assert_eq!(two.version.as_deref(), Some("2.9.1"));
        assert_eq!(two.system.as_deref(), Some("linux"));
        let at = started(b"Sun Nov  2 05:23:05 2026", 0).unwrap();
        assert_eq!(at.to_string(), "2026-11-02T05:23:05Z");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Log::parse(&bytes);
            let _ = started(&bytes, 0);
        }
    }
}
