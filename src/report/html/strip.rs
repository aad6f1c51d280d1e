//! The timeline as a drawing: events in order at even distances, with the time between them
//! written there. To scale, an attack of seconds after weeks of uptime would be one dot.

use super::super::TimelineLine;

const STEP: i32 = 92;
const MARGIN: i32 = 56;
/// More dots than that are no drawing.
const MOST: usize = 60;

/// The strip.
pub(super) struct Strip {
    pub(super) width: i32,
    pub(super) end: i32,
    pub(super) dots: Vec<Dot>,
    pub(super) left_out: usize,
}

/// An event on it.
pub(super) struct Dot {
    pub(super) number: usize,
    pub(super) word: String,
    pub(super) x: i32,
    /// Time since the dot before, and where that is written.
    pub(super) since: Option<(i32, String)>,
    pub(super) suspicious: bool,
}

pub(super) fn strip(events: &[&TimelineLine]) -> Strip {
    let mut dots = Vec::new();
    let mut before: Option<jiff::Timestamp> = None;
    let mut x = MARGIN;
    for (number, event) in events.iter().take(MOST).enumerate() {
        let now = event.time.parse::<jiff::Timestamp>().ok();
        let gap = before.zip(now).map(|(before, now)| now.duration_since(before).as_secs());
        dots.push(Dot {
            number: number.saturating_add(1),
            word: event.kind.replace('-', " "),
            x,
            since: gap.map(|seconds| (x - STEP / 2, span(seconds))),
            suspicious: !event.findings.is_empty(),
        });
        before = now;
        x += STEP;
    }
    Strip {
        width: x - STEP + MARGIN,
        end: x - STEP,
        left_out: events.len().saturating_sub(dots.len()),
        dots,
    }
}

/// A span in its largest unit.
fn span(seconds: i64) -> String {
    match seconds {
        ..1 => "< 1 s".to_owned(),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        for (seconds, word) in
            [(0, "< 1 s"), (3, "3 s"), (180, "3 min"), (7_300, "2 h"), (200_000, "2 days")]
        {
            assert_eq!(span(seconds), word);
        }
    }
}
