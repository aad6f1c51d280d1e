//! Snort's alert_csv, as pfSense keeps it too (Snort 2) and of Snort 3, in the order of columns that
//! each writes where it is told nothing else.

use super::damage::Damage;
use super::field::{address, count, port, protocol_named};
use super::format::{Format, LineReader, Origin, Out, Shape, Took};
use super::row::{Alert, Row, text};
use super::times;

pub(super) const FORMAT: Format = Format {
    name: "snort-csv",
    doc: "Snort's alert_csv of versions 2 and 3, in their own order of columns",
    tables: &["alerts"],
    shape: Shape::Lines { tells, reader: || Box::new(Csv) },
};

/// Cells, where quotes hold commas.
fn cells(line: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let mut rest = line;
    while out.len() < 40 {
        let plain = rest.trim_ascii_start();
        let (cell, after) = match plain.strip_prefix(b"\"") {
            Some(inner) => {
                let end = memchr::memchr(b'"', inner).unwrap_or(inner.len());
                (inner.get(..end), inner.get(end..))
            }
            None => (plain.get(..memchr::memchr(b',', plain).unwrap_or(plain.len())), Some(plain)),
        };
        out.push(cell.unwrap_or_default().trim_ascii());
        let after = after.unwrap_or_default();
        let Some(comma) = memchr::memchr(b',', after) else { break };
        rest = after.get(comma + 1..).unwrap_or_default();
    }
    out
}

fn alert(line: &[u8], origin: &Origin, damage: &Damage) -> Option<(Alert, Option<times::Read>)> {
    // `08/03-14:19:41.208105 ,1,…`
    if !matches!(line, [_, _, b'/', _, _, b'-' | b'/', ..]) {
        return None;
    }
    let cells = cells(line);
    let read = |stamp: &[u8]| {
        let written = times::month_day(stamp, origin.modified);
        // Without the file's time the year is not known, and the form is all that tells.
        (written.is_some() || times::month_day(stamp, Some(crate::facts::Time(1 << 60))).is_some())
            .then_some(written)
    };
    let mut alert = Alert::new("snort");
    match cells.as_slice() {
        [
            stamp,
            generator,
            id,
            revision,
            message,
            protocol,
            from,
            from_port,
            to,
            to_port,
            rest @ ..,
        ] if [generator, id, revision].iter().all(|n| count(n).is_some())
            && address(from).is_some() =>
        {
            alert.signature_id = text(&[*generator, id, revision].join(&b':'));
            alert.signature = text(message);
            alert.protocol = protocol_named(protocol);
            let port = |name, cell| damage.told(name, cell, port(cell));
            (alert.client, alert.client_port) = (address(from), port("srcport", from_port));
            let server = damage.told("dst", to, address(to));
            (alert.server, alert.server_port) = (server, port("dstport", to_port));
            // pfSense writes id, class and priority behind them.
            if let [_, class, priority, ..] = rest
                && class.iter().any(u8::is_ascii_alphabetic)
            {
                let grade = count(priority).and_then(|grade| u8::try_from(grade).ok());
                alert.severity = damage.told("priority", priority, grade).map(f64::from);
                alert.category = text(class);
            }
            Some((alert, read(stamp)?))
        }
        [stamp, number, protocol, _, _, _, from, to, rule, action, ..]
            if count(number).is_some() && rule.split(|b| *b == b':').count() == 3 =>
        {
            (alert.signature_id, alert.action) = (text(rule), text(action));
            alert.protocol = protocol_named(protocol);
            (alert.client, alert.client_port) = damage.end("src_ap", from);
            (alert.server, alert.server_port) = damage.end("dst_ap", to);
            alert.client?;
            Some((alert, read(stamp)?))
        }
        _ => None,
    }
}

fn tells(line: &[u8], origin: &Origin) -> bool {
    memchr::memchr(b',', line).is_some() && alert(line, origin, &Damage::default()).is_some()
}

struct Csv;

impl LineReader for Csv {
    fn line(&mut self, line: &[u8], origin: &Origin, out: &mut dyn Out) -> Took {
        let damage = Damage::default();
        let Some((mut alert, read)) = alert(line, origin, &damage) else {
            return Took::no("not alert_csv's usual columns");
        };
        damage.tell(out);
        alert.time = out.stamp(line, origin, read);
        out.row(Row::Alert(Box::new(alert)));
        Took::Yes
    }
}
