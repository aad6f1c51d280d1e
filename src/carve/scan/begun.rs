//! What has begun in a text and goes on beyond the bytes at hand: a compressed member, an encoded run. Each
//! text that is scanned has its own, also those that were decoded out of another.

use super::{Found, Open};
use std::ops::Range;

/// What has begun, and how far it was followed.
#[derive(Default)]
pub(crate) struct Begun {
    member: Option<Box<Open>>,
    run: Option<Box<Open>>,
    /// Where the last encoded run ended: what lies before it was decoded.
    decoded: u64,
    /// What the last look of each sort at a run gave, and for which place it stood.
    looked: Vec<(&'static str, u64, u64)>,
    /// Which places were gone through, for each reason.
    gone: Vec<(&'static str, Range<u64>)>,
}

impl Begun {
    /// Whether this place lies in a member that goes on.
    pub(super) fn packed(&self, place: u64) -> bool {
        self.member.as_ref().is_some_and(|open| place < open.next())
    }

    /// Whether this place lies in an encoded run that was decoded.
    pub(crate) fn decoded(&self, place: u64) -> bool {
        place < self.decoded || self.run.as_ref().is_some_and(|open| place < open.next())
    }

    /// An encoded run was decoded as far as this.
    pub(crate) fn decoded_until(&mut self, place: u64) {
        self.decoded = self.decoded.max(place);
    }

    /// Whether another member can be followed.
    pub(crate) const fn free(&self) -> bool {
        self.member.is_none()
    }

    /// Whether there is more to come.
    pub(super) const fn goes_on(&self) -> bool {
        self.member.is_some() || self.run.is_some()
    }

    /// What a look at the run around a place tells, as bits. Anchors that repeat lead to one place again
    /// and again: it is looked at once.
    pub(crate) fn look(
        &mut self,
        sort: &'static str,
        place: u64,
        look: impl FnOnce() -> u64,
    ) -> u64 {
        let Some(known) = self.looked.iter_mut().find(|(known, ..)| *known == sort) else {
            let tells = look();
            self.looked.push((sort, place, tells));
            return tells;
        };
        if known.1 != place {
            (known.1, known.2) = (place, look());
        }
        known.2
    }

    /// Of these places those that were not gone through for this reason, which they are now.
    pub(crate) fn fresh(&mut self, reason: &'static str, places: Range<u64>) -> Range<u64> {
        let Some((_, gone)) = self.gone.iter_mut().find(|(known, _)| *known == reason) else {
            self.gone.push((reason, places.clone()));
            return places;
        };
        if gone.contains(&places.start) {
            let fresh = gone.end.min(places.end)..places.end;
            gone.end = gone.end.max(places.end);
            return fresh;
        }
        *gone = places.clone();
        places
    }

    /// Whether this place was gone through for this reason.
    pub(crate) fn gone(&self, reason: &'static str, place: u64) -> bool {
        self.gone.iter().any(|(known, gone)| *known == reason && gone.contains(&place))
    }

    fn slot(&mut self, run: bool) -> &mut Option<Box<Open>> {
        if run { &mut self.run } else { &mut self.member }
    }
}

/// Follows what has just begun with the bytes behind it that are at hand; what ends in them is done.
pub(crate) fn begin(open: Open, bytes: &[u8], found: &mut Found) {
    let run = open.is_run();
    let open = open.feed(bytes, found).map(Box::new);
    *found.begun().slot(run) = open;
}

/// Gives the bytes of a text, of which the first lies at `base`, to what goes on in it.
pub(super) fn go_on(bytes: &[u8], base: u64, found: &mut Found) {
    for run in [false, true] {
        if let Some(open) = found.begun().slot(run).take() {
            let from = usize::try_from(open.next().saturating_sub(base)).unwrap_or(usize::MAX);
            let open = open.feed(bytes.get(from..).unwrap_or_default(), found).map(Box::new);
            *found.begun().slot(run) = open;
        }
    }
}

/// The text has ended, and so has all that had begun in it.
pub(super) fn end(found: &mut Found) {
    for run in [false, true] {
        if let Some(open) = found.begun().slot(run).take() {
            open.end(found);
        }
    }
}
