//! Members that wait for the segment that vouches for them, and where their bytes are.

use super::again::Again;
use super::header::Header;
use super::wire::WirePiece;
use crate::evidence::recording::{Pieces, ReadAt};
use std::collections::HashMap;
use std::sync::Arc;

/// What becomes of a member's bytes.
#[derive(Clone, Copy)]
pub(super) enum Keeps {
    /// They are held.
    Whole,
    /// They are read again, from here in the plain tar.
    At(u64),
    /// They are checked and let go.
    Nothing,
}

/// Where a member's bytes are.
pub(super) enum Body {
    Held(Arc<[u8]>),
    Away { at: u64, length: u64 },
    Gone,
}

impl Body {
    pub fn of(keeps: Keeps, bytes: Vec<u8>, length: u64) -> Self {
        match keeps {
            Keeps::Whole => Self::Held(bytes.into()),
            Keeps::At(at) => Self::Away { at, length },
            Keeps::Nothing => Self::Gone,
        }
    }
}

/// A member.
pub(super) struct Held {
    pub body: Body,
    pub sha256: String,
    pub header: Header,
    pub vouched: bool,
}

/// Puts a member that is vouched for where its bytes were read.
pub(super) fn put(
    held: &HashMap<String, Held>,
    again: Option<&Arc<Again>>,
    piece: &WirePiece,
    into: &mut Pieces,
) {
    let Some(held) = held.get(&piece.member).filter(|held| held.vouched) else { return };
    match (&held.body, again) {
        (Body::Held(bytes), _) => into.put(piece.at, Arc::clone(bytes)),
        (Body::Away { at, length }, Some(again)) => {
            let again: Arc<dyn ReadAt> = Arc::<Again>::clone(again);
            into.put_away(piece.at, again, *at, *length);
        }
        (Body::Away { .. } | Body::Gone, _) => {}
    }
}
