//! Which minutes of a conversation some record covers.

use crate::facts::Time;

const MINUTE: i64 = 60_000_000_000;

/// From one minute to another, both included, counted from 1970.
pub(super) type Span = (i64, i64);

/// The minutes between two times.
pub(super) fn minutes(start: Time, end: Time) -> Span {
    (start.0.div_euclid(MINUTE), end.0.max(start.0).div_euclid(MINUTE))
}

/// Spans in order, none touching another: the same whatever order they came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spans(Vec<Span>);

impl Spans {
    pub(super) fn of(span: Span) -> Self {
        Self(vec![span])
    }

    /// Its spans, in order.
    pub(super) fn all(&self) -> &[Span] {
        &self.0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, (start, end): Span) {
        // Logs are nearly in order: most spans touch the last.
        let from = self.0.partition_point(|(_, e)| e.saturating_add(1) < start);
        let to = self.0.partition_point(|(s, _)| *s <= end.saturating_add(1));
        let touched = self.0.get(from..to.max(from)).unwrap_or_default();
        let start = touched.first().map_or(start, |(s, _)| start.min(*s));
        let end = touched.last().map_or(end, |(_, e)| end.max(*e));
        self.0.splice(from..to.max(from), [(start, end)]);
    }

    /// Minutes between first and last that none covers.
    pub(super) fn silent(&self) -> u64 {
        let covered: i64 = self.0.iter().map(|(s, e)| e.saturating_sub(*s).saturating_add(1)).sum();
        match (self.0.first(), self.0.last()) {
            (Some((first, _)), Some((_, last))) => {
                let all = last.saturating_sub(*first).saturating_add(1);
                u64::try_from(all.saturating_sub(covered)).unwrap_or(0)
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn spans_are_sets_of_minutes(spans in proptest::collection::vec((0i64..100, 0i64..10), 1..40)) {
            let mut ours: Option<Spans> = None;
            let mut set = BTreeSet::new();
            for (start, length) in spans {
                let span = (start, start + length);
                match &mut ours {
                    Some(spans) => spans.add(span),
                    None => ours = Some(Spans::of(span)),
                }
                set.extend(start..=start + length);
            }
            let (first, last) = (set.first().copied().unwrap_or(0), set.last().copied().unwrap_or(0));
            let silent = u64::try_from(last - first + 1).unwrap_or(0) - set.len() as u64;
            prop_assert_eq!(ours.map(|spans| spans.silent()), Some(silent));
        }
    }
}
