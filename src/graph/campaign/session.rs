//! Sources that act alike, told apart by when they act.

use super::similar::FEWEST;

const MINUTE: i64 = 60_000_000_000;

/// Silence shorter than that parts nothing.
const SILENCE: i64 = 30 * MINUTE;

/// When a source acts: the middle of its times, and the span in which half of them lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Activity {
    pub(super) middle: i64,
    pub(super) spread: i64,
}

impl Activity {
    /// Of times in any order; [`None`] where there are none.
    pub(super) fn of(times: &mut [i64]) -> Option<Self> {
        times.sort_unstable();
        let at = |quarter: usize| times.get(times.len().saturating_sub(1) * quarter / 4).copied();
        let (low, middle, high) = (at(1)?, at(2)?, at(3)?);
        Some(Self { middle, spread: high.saturating_sub(low) })
    }
}

/// Parts the members of a set where all of them are silent for far longer than between one
/// source's turn and the next one's; a set whose sources act all the time stays one. Members whose
/// times are not known stay with the largest part.
pub(super) fn parted(members: &[u32], activity: impl Fn(u32) -> Option<Activity>) -> Vec<Vec<u32>> {
    let mut timed: Vec<(Activity, u32)> = Vec::new();
    let mut untimed = Vec::new();
    for member in members {
        match activity(*member) {
            Some(activity) => timed.push((activity, *member)),
            None => untimed.push(*member),
        }
    }
    timed.sort_by_key(|(activity, member)| (activity.middle, *member));
    let mut parts = Vec::new();
    let mut wait = vec![timed];
    while let Some(part) = wait.pop() {
        match cut(&part) {
            Some(at) => {
                let mut early = part;
                let late = early.split_off(at);
                wait.push(late);
                wait.push(early);
            }
            None => parts.push(part.into_iter().map(|(_, member)| member).collect::<Vec<u32>>()),
        }
    }
    parts.retain(|part| !part.is_empty());
    if !untimed.is_empty() {
        match parts.iter_mut().max_by_key(|part| part.len()) {
            Some(largest) => largest.extend(untimed),
            None => parts.push(untimed),
        }
    }
    for part in &mut parts {
        part.sort_unstable();
    }
    parts
}

/// Where to cut, if anywhere: both sides must be sets.
fn cut(part: &[(Activity, u32)]) -> Option<usize> {
    if part.len() < 2 * FEWEST {
        return None;
    }
    let gaps = part.windows(2).enumerate().filter_map(|(at, pair)| match pair {
        [(a, _), (b, _)] => Some((b.middle.saturating_sub(a.middle), at + 1)),
        _ => None,
    });
    let allowed = FEWEST..=part.len() - FEWEST;
    let (gap, at) = gaps
        .filter(|(_, at)| allowed.contains(at))
        .max_by_key(|(gap, at)| (*gap, part.len() - at))?;
    let span = part.last()?.0.middle.saturating_sub(part.first()?.0.middle);
    // Of turns taken at random the longest silence is about ln n times the usual one.
    #[allow(clippy::cast_precision_loss)]
    let (count, rest) = (part.len() as f64, span.saturating_sub(gap) as f64);
    let usual = rest / (count - 2.0);
    #[allow(clippy::cast_precision_loss)]
    let stands_out = gap as f64 > usual * (count.ln() + 4.0);
    let mut spreads: Vec<i64> = part.iter().map(|(activity, _)| activity.spread).collect();
    spreads.sort_unstable();
    let spread = spreads.get(spreads.len() / 2).copied()?;
    (gap >= SILENCE && stands_out && gap > spread).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: &[i64]) -> Vec<Vec<u32>> {
        let members: Vec<u32> = (0..).take(minutes.len()).collect();
        parted(&members, |member| {
            let middle = minutes.get(member as usize)? * MINUTE;
            Some(Activity { middle, spread: MINUTE })
        })
    }

    #[test]
    fn two_nights_are_two_sets_and_a_steady_trickle_is_one() {
        let parted = at(&[0, 1, 2, 3, 1440, 1441, 1443, 1444]);
        assert_eq!(parted, [vec![0, 1, 2, 3], vec![4, 5, 6, 7]]);
        let steady: Vec<i64> = (0..20).map(|n| n * 97).collect();
        assert_eq!(at(&steady).len(), 1);
        assert_eq!(at(&[0, 1, 5000]).len(), 1, "a part of one is none");
        assert_eq!(at(&[]).len(), 0);
    }

    #[test]
    fn who_has_no_times_stays() {
        assert_eq!(parted(&[3, 1], |_| None), [vec![1, 3]]);
        assert_eq!(Activity::of(&mut []), None);
    }
}
