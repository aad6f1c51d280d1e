//! What a question needs of the logs, so that nothing else is kept.

use super::flow::FlowSeen;
use super::fold::{By, Fold, Slot};

/// Rows of `flows` that are kept, unless a question says otherwise.
const MOST_FLOWS: u64 = 500_000;

/// Which rows of `flows` to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flows {
    /// None.
    None,
    /// The first so many.
    All(u64),
    /// Those with the largest of a sum.
    Top(Heaviest, usize),
}

/// By what flows are heavy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heaviest {
    /// Bytes of both directions.
    Bytes,
    /// Packets of both directions.
    Packets,
    /// From first to last packet.
    Seconds,
}

impl Heaviest {
    /// What a flow weighs.
    pub(super) fn of_flow(self, flow: &FlowSeen<'_>) -> u64 {
        let both = |a: Option<u64>, b: Option<u64>| a.unwrap_or(0).saturating_add(b.unwrap_or(0));
        match self {
            Self::Bytes => both(flow.orig_bytes, flow.resp_bytes),
            Self::Packets => both(flow.orig_pkts, flow.resp_pkts),
            Self::Seconds => flow.duration.and_then(|d| u64::try_from(d).ok()).unwrap_or(0),
        }
    }
}

/// What to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Rows of `flows`.
    pub flows: Flows,
    /// Whether `conversations` are wanted.
    pub conversations: bool,
    /// What tells conversations apart.
    pub by: By,
    /// Which of their sums.
    pub slots: &'static [Slot],
    /// Whether their silent minutes.
    pub silent: bool,
    /// Of the conversations, only those with the largest of a sum.
    pub top: Option<(Slot, usize)>,
    /// Rows of the other tables.
    pub others: bool,
    /// Whether what does not fit into memory may be put aside in files without a name. Never where
    /// a suspect host is looked at.
    pub spill: bool,
}

impl Wanted {
    /// Everything, as a triage and a question of the user's own need it.
    pub const ALL: Self = Self {
        flows: Flows::All(MOST_FLOWS),
        conversations: true,
        by: By::ALL,
        slots: Slot::ALL,
        silent: true,
        top: None,
        others: true,
        spill: false,
    };

    /// Whether nothing of a connection is wanted but its beginning, its ends, its service and its
    /// bytes: what stands behind them in a line need not be read.
    pub(super) fn is_brief(&self) -> bool {
        let brief =
            [Slot::Connections, Slot::Records, Slot::OrigBytes, Slot::RespBytes, Slot::First];
        !self.others
            && !self.silent
            && matches!(self.flows, Flows::None | Flows::Top(Heaviest::Bytes, _))
            && (!self.conversations || self.slots.iter().all(|slot| brief.contains(slot)))
    }

    pub(super) fn fold(&self) -> Fold {
        let fold = Fold::new(self.by, self.slots, self.silent);
        if self.spill { fold.spilling_at_usual() } else { fold }
    }
}
