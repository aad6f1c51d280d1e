//! The edges of an incident, as the story has them.

use super::traffic::each;
use super::{Builder, Seen};
use crate::facts::{Error, Facts, Time};
use crate::graph::kinds;

/// Adds the table `edges`.
pub(super) fn add(facts: &Facts, builder: &mut Builder) -> Result<(), Error> {
    each(
        facts,
        "SELECT origin, origin_label, edge, target, target_label, because, time FROM edges",
        |row| {
            let text =
                |at: usize| row.get_ref(at).ok().and_then(|v| v.as_str().ok()).unwrap_or_default();
            let from = builder.node(text(0), text(1));
            let to = builder.node(text(3), text(4));
            let time = row.get::<_, Option<i64>>(6)?.map(Time);
            let seen = Seen { count: 1, first: time, last: time, severity: None };
            builder.edge(from, to, kinds::word(text(2)), text(5), seen);
            Ok(())
        },
    )
}
