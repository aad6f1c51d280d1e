//! nfdump's output for the eye: `-o line`, `long` and `extended`, of both generations. Columns stand
//! under a heading, and the ends of a flow are `address:port -> address:port`.

use super::field::{address, nano, port, protocol_named};
use super::flow::FlowSeen;
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::nfdump::{KIND, closing, flags};
use super::row::Row;
use super::times;

pub(super) const FORMAT: Format = Format {
    name: "nfdump-long",
    doc: "nfdump -o line, long and extended",
    tables: &["flows", "conversations"],
    shape: Shape::Lines { tells, reader: || Box::new(Long::default()) },
};

/// What stands behind the far end, as the heading names it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Flags,
    Packets,
    Bytes,
    OutPackets,
    OutBytes,
    Skip,
}

fn heading(line: &[u8]) -> Option<Vec<What>> {
    let begins = line.starts_with(b"Date first seen") || line.starts_with(b"Date flow start");
    let text = std::str::from_utf8(line).ok().filter(|_| begins)?;
    let (_, behind) = text.split_once("Dst IP Addr")?;
    let behind = behind.strip_prefix(":Port").unwrap_or(behind);
    // The words of two-word columns are no columns: `Out Pkt`, `In Byte`.
    let mut out = Vec::new();
    let mut side = "";
    for word in behind.split_ascii_whitespace() {
        match (side, word) {
            (_, "In" | "Out" | "Src" | "Dst") => {
                side = word;
                continue;
            }
            ("Out", "Pkt" | "Packets") => out.push(What::OutPackets),
            ("Out", "Byte" | "Bytes") => out.push(What::OutBytes),
            (_, "Pkt" | "Packets") => out.push(What::Packets),
            (_, "Byte" | "Bytes") => out.push(What::Bytes),
            (_, "Flags") => out.push(What::Flags),
            _ => out.push(What::Skip),
        }
        side = "";
    }
    Some(out)
}

fn tells(line: &[u8], _: &Origin) -> bool {
    heading(line).is_some()
}

#[derive(Default)]
struct Long {
    behind: Vec<What>,
}

impl LineReader for Long {
    fn line(&mut self, line: &[u8], _: &Origin, out: &mut dyn Out) -> Took {
        if let Some(behind) = heading(line) {
            self.behind = behind;
            return Took::Heading;
        }
        if closing(line) || line.trim_ascii().is_empty() {
            return Took::Heading;
        }
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let mut next = || words.next().unwrap_or_default();
        let (day, time, lasted, protocol) = (next(), next(), next(), next());
        let started = [day, b" ", time].concat();
        let from = next();
        let arrow = next();
        if !matches!(arrow, b"->" | b"<->") {
            return Took::no("no arrow between two addresses");
        }
        let to = next();
        let ends = [("source", from), ("destination", to)];
        let (Some(from), Some(to)) = (end(from), end(to)) else {
            return Took::no("an address is none");
        };
        for ((name, word), (_, port)) in ends.into_iter().zip([from, to]) {
            out.told(name, word, port);
        }
        let Some(read) = times::any(&started) else { return Took::no("a time is none") };
        let mut flow = FlowSeen {
            started: out.time(Some(read)),
            duration: out.told("duration", lasted, duration(lasted)),
            originator: from.0,
            originator_port: from.1,
            responder: to.0,
            responder_port: to.1,
            protocol: protocol_named(protocol),
            ..FlowSeen::new(KIND)
        };
        let icmp = matches!(flow.protocol.as_deref(), Some("icmp" | "icmp6"));
        if icmp {
            // nfdump writes type and code in the place of a port.
            (flow.originator_port, flow.responder_port) = (None, None);
        }
        let mut rest = words.peekable();
        for what in &self.behind {
            let Some(word) = rest.next() else {
                return Took::no("cut off: fewer columns than the heading names");
            };
            let unit = match rest.peek() {
                Some([b'K' | b'M' | b'G' | b'T']) => rest.next(),
                _ => None,
            };
            let count = || amount(word, unit);
            if !matches!(what, What::Flags | What::Skip) && count().is_none() {
                return Took::no("a count is none");
            }
            match what {
                What::Flags => flow.flags = flags(word),
                What::Packets => flow.orig_pkts = count(),
                What::Bytes => flow.orig_bytes = count(),
                What::OutPackets => flow.resp_pkts = count().filter(|count| *count > 0),
                What::OutBytes => flow.resp_bytes = count().filter(|count| *count > 0),
                What::Skip => {}
            }
            if unit.is_some() {
                let words = "counts that nfdump rounded to K, M or G (-N keeps them whole)";
                out.note(super::format::Note::Said(words.to_owned()));
            }
        }
        if flow.resp_pkts.is_some() || arrow == b"<->" {
            out.row(Row::Flow(flow));
        } else {
            out.row(Row::Half(flow));
        }
        Took::Yes
    }
}

/// `10.0.2.15:50496`; of IPv6 `2001:db8::1.443`, and where it was cut to fit, nothing.
fn end(text: &[u8]) -> Option<(Option<std::net::IpAddr>, Option<u16>)> {
    let colon = memchr::memrchr(b':', text)?;
    let (host, tail) = (text.get(..colon)?, text.get(colon + 1..)?);
    if let (Some(host), Some(port)) = (address(host).filter(|a| a.is_ipv4()), number(tail)) {
        return Some((Some(host), Some(port)));
    }
    let dot = memchr::memrchr(b'.', text)?;
    let host = address(text.get(..dot)?)?;
    Some((Some(host), number(text.get(dot + 1..)?)))
}

/// A port; of ICMP `8.0`, type and code.
fn number(text: &[u8]) -> Option<u16> {
    port(text.split(|b| *b == b'.').next().unwrap_or_default())
}

/// `00:03:22.470`, with days before it where it lasted that long; older ones write seconds.
fn duration(text: &[u8]) -> Option<i64> {
    let mut parts = text.rsplit(|b| *b == b':');
    let seconds = nano(parts.next()?)?;
    let mut unit = 60_000_000_000_i64;
    let mut all = seconds;
    for part in parts.take(2) {
        let (days, part) = match part.iter().position(|b| *b == b'd') {
            Some(at) => (part.get(..at)?, part.get(at + 1..)?),
            None => (&b"0"[..], part),
        };
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
        all = all.checked_add(number(part)?.checked_mul(unit)?)?;
        all = all.checked_add(number(days)?.checked_mul(86_400_000_000_000)?)?;
        unit = unit.checked_mul(60)?;
    }
    Some(all)
}

/// A count, also as `12.3` with `M` behind it.
fn amount(text: &[u8], unit: Option<&[u8]>) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let times = match unit {
        None => return text.parse().ok(),
        Some(b"K") => 1e3,
        Some(b"M") => 1e6,
        Some(b"G") => 1e9,
        Some(_) => 1e12,
    };
    let number: f64 = text.parse().ok()?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // Saturates, and is none where it is no number.
    (number.is_finite() && number >= 0.0).then(|| (number * times).round() as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ends_and_durations() {
        assert_eq!(end(b"10.0.2.15:50496"), Some((address(b"10.0.2.15"), Some(50496))));
        assert_eq!(end(b"2001:db8::1.443"), Some((address(b"2001:db8::1"), Some(443))));
        assert_eq!(end(b"fe80::1..2e:f.443"), None);
        assert_eq!(duration(b"00:03:22.470"), Some(202_470_000_000));
        assert_eq!(duration(b"1d00:00:01.000"), Some(86_401_000_000_000));
        assert_eq!(duration(b"0.207"), Some(207_000_000));
        assert_eq!(amount(b"1.5", Some(b"M")), Some(1_500_000));
        assert_eq!(amount(b"259", None), Some(259));
    }

    #[test]
    fn headings_of_both_generations() {
        let old = b"Date first seen             Duration     Proto      Src IP Addr:Port          Dst IP Addr:Port     Flags Tos  Packets    Bytes Flows";
        let line = b"Date first seen          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Packets    Bytes Flows";
        let both = b"Date first seen          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port  Out Pkt  In Pkt Out Byte  In Byte Flows";
        assert!(heading(old).unwrap().contains(&What::Flags));
        assert_eq!(heading(line).unwrap().len(), 3);
        assert!(heading(both).unwrap().first() == Some(&What::OutPackets));
        assert!(heading(b"Date of birth").is_none());
    }
}
