//! Text that was decoded out of text: examined as any text is, under the offset of what it was
//! decoded from.

use super::begun::{self, Begun};
use super::{Found, PADDING, Step, Text};

/// Examines what a step at `at` gave, where the way is not too long and the budget allows.
pub(crate) fn within(
    text: &Text<'_>,
    at: usize,
    step: Step,
    mut decoded: Vec<u8>,
    found: &mut Found,
) {
    let Some(way) = text.way.then(step) else { return };
    if !found.afford(decoded.len()) {
        return;
    }
    let length = decoded.len();
    decoded.resize(length + PADDING, 0);
    let inner = Text { bytes: &decoded, base: text.offset(at), step: 0, way, start: 0 };
    let outer = found.swap(Begun::default());
    found.scanner().scan(&inner, 0..length, found);
    begun::go_on(decoded.get(..length).unwrap_or_default(), 0, found);
    begun::end(found);
    found.swap(outer);
}
