//! `davy.json`, also where it was changed: what can still be read of it, since all that follows is
//! vouched for by itself.

use super::FORMAT;
use super::wire::WireAbout;
use crate::evidence::Clock;
use crate::facts::Time;

/// What is needed of it.
pub(super) struct About {
    pub name: String,
    pub clock: Clock,
}

/// Reads it; why it is not what davy wrote, where it is not. `taken` is when it was, in seconds since
/// 1970, by another word than its own.
pub(super) fn read(bytes: &[u8], taken: u64) -> (About, Option<String>) {
    match serde_json::from_slice::<WireAbout>(bytes) {
        Ok(about) => {
            let why = (about.format != FORMAT).then(|| {
                let format = &about.format;
                format!("the format is {format}, not {FORMAT}: read as if it were that")
            });
            (About { name: about.name, clock: about.clock.into() }, why)
        }
        Err(e) => {
            let why = format!(
                "was changed or is damaged ({e}): the host's name and clock are taken from what can be \
                 read of it, and times may be wrong"
            );
            (salvaged(bytes, taken), Some(why))
        }
    }
}

/// The fields, wherever they stand.
fn salvaged(bytes: &[u8], taken: u64) -> About {
    let number = |name: &str| -> Option<i64> {
        let digits: Vec<u8> = behind(bytes, name)?
            .iter()
            .copied()
            .take_while(|b| b.is_ascii_digit() || *b == b'-')
            .collect();
        std::str::from_utf8(&digits).ok()?.parse().ok()
    };
    let text = |name: &str| -> Option<String> {
        let rest = behind(bytes, name)?.strip_prefix(b"\"")?;
        let end = rest.iter().position(|b| *b == b'"')?;
        Some(String::from_utf8_lossy(rest.get(..end)?).into_owned())
    };
    let seconds = i64::try_from(taken).unwrap_or(0);
    // Two words for one thing: where they are far apart, the one in the text is not what was written.
    let realtime = number("realtime")
        .map(Time)
        .filter(|time| taken == 0 || time.0.div_euclid(1_000_000_000).abs_diff(seconds) <= 1);
    let clock = Clock {
        realtime: realtime.unwrap_or_else(|| Time::new(seconds, 0)),
        boottime: number("boottime"),
        monotonic: number("monotonic"),
        ticks_per_second: number("ticks_per_second").filter(|ticks| *ticks > 0).unwrap_or(100),
        page_size: number("page_size")
            .and_then(|size| u64::try_from(size).ok())
            .filter(|size| size.is_power_of_two() && (4096..=65_536).contains(size))
            .unwrap_or(4096),
        zone: text("zone").unwrap_or_default(),
    };
    About { name: text("name").unwrap_or_default(), clock }
}

/// What stands behind the name of a field.
fn behind<'b>(bytes: &'b [u8], name: &str) -> Option<&'b [u8]> {
    let quoted = format!("\"{name}\":");
    let at = memchr::memmem::find(bytes, quoted.as_bytes())?;
    Some(bytes.get(at.checked_add(quoted.len())?..)?.trim_ascii_start())
}

/// Nanoseconds since boot, from /proc/uptime.
pub(super) fn uptime(text: &[u8]) -> Option<i64> {
    let first = text.split(u8::is_ascii_whitespace).next()?;
    let (whole, part) = std::str::from_utf8(first).ok()?.split_once('.')?;
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{part:0<9}").get(..9)?.parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const TEXT: &str = "{\n  \"format\": \"davy.archive/1\",\n  \"tool\": \"0.1.0\",\n  \"arguments\": [],\n  \
        \"name\": \"web-03\",\n  \"clock\": {\n    \"realtime\": 1795328657000000000,\n    \"boottime\": 9000,\n    \
        \"monotonic\": null,\n    \"ticks_per_second\": 100,\n    \"page_size\": 4096,\n    \"zone\": \"UTC\"\n  },\n  \
        \"memory\": \"none\",\n  \"limit_one\": 1,\n  \"limit_all\": 1\n}\n";

    #[test]
    fn whatever_byte_was_changed() {
        let whole = read(TEXT.as_bytes(), 1_795_328_657);
        assert!(whole.1.is_none());
        for at in 0..TEXT.len() {
            let mut bytes = TEXT.as_bytes().to_vec();
            bytes[at] ^= 0x15;
            let (about, _) = read(&bytes, 1_795_328_657);
            // A digit that is another one is a number all the same; the manifest tells that.
            if serde_json::from_slice::<WireAbout>(&bytes).is_err() {
                let seconds = about.clock.realtime.0 / 1_000_000_000;
                assert!((seconds - 1_795_328_657).abs() <= 1, "{at}: {seconds}");
                assert_eq!(about.clock.page_size, 4096, "{at}");
            }
        }
    }

    #[test]
    fn how_long_it_ran() {
        assert_eq!(uptime(b"12.34 5.6\n"), Some(12_340_000_000));
        assert_eq!(uptime(b"x"), None);
    }
}
