//! What was found in one place, folded: a row for each distinct value, with a count.

use super::begun::Begun;
use super::{Scanner, Text, Way};
use flate2::Decompress;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// Indicators of one kind kept of one place; more are counted and left out. Of each kind, since
/// whoever floods memory with URLs must not push out what says where the payload went.
pub const LIMIT: usize = 10_000;

/// Bytes of values and contexts kept of one place, and those that each kind may have beyond them:
/// a part of a place that is carved by itself, to be merged, has a quarter.
const KEPT: usize = 12 << 20;
const OWN: usize = 768 << 10;
const PART: usize = 4;

/// Offsets remembered against counting one occurrence twice, when several anchors lead to it.
const RECENT: usize = 4096;

/// One thing found at one place in a text.
pub(crate) struct Hit<'a> {
    pub(crate) kind: &'static str,
    /// Where it begins in the text.
    pub(crate) at: usize,
    pub(crate) value: Vec<u8>,
    pub(crate) detail: Option<String>,
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) port: Option<u16>,
    pub(crate) why: String,
    /// What stands around it is not to be shown.
    secret: bool,
}

impl<'a> Hit<'a> {
    pub(crate) fn new(kind: &'static str, at: usize, value: impl Into<Vec<u8>>, why: &str) -> Self {
        let why = why.to_owned();
        Self {
            kind,
            at,
            value: value.into(),
            detail: None,
            host: None,
            port: None,
            why,
            secret: false,
        }
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub(crate) fn host(mut self, host: &'a [u8], port: Option<u16>) -> Self {
        self.host = Some(host);
        self.port = port;
        self
    }
}

/// A distinct value found in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carved {
    /// As in `indicators.kind`.
    pub kind: &'static str,
    /// Normalised.
    pub value: Vec<u8>,
    /// More of it.
    pub detail: Option<String>,
    /// Host name or address in it.
    pub host: Option<Vec<u8>>,
    /// Port in it.
    pub port: Option<u16>,
    /// Offset of the first occurrence.
    pub offset: u64,
    /// How it was decoded.
    pub way: Way,
    /// The run it stands in.
    pub context: Vec<u8>,
    /// Occurrences.
    pub count: u64,
    /// Why it counts.
    pub why: String,
}

/// Bytes that may be decoded however little was scanned, and for each byte scanned.
const DECODED: u64 = 16 << 20;
const DECODED_PER_BYTE: u64 = 4;

/// What was left out so that hostile bytes cost no more than a few times what others do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Occurrences beyond [`LIMIT`] of a kind, or beyond the bytes kept.
    pub indicators: u64,
    /// Encoded stretches that were not decoded, since there were too many.
    pub encoded: u64,
    /// Compressed members and wide encoded runs of which the beginning alone was decoded. Every long one is so: this is
    /// told, and nothing is missing that was promised.
    pub longer: u64,
}

impl Cut {
    /// Whether nothing was left out that should not be.
    #[must_use]
    pub const fn nothing(self) -> bool {
        self.indicators == 0 && self.encoded == 0
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            indicators: self.indicators.saturating_add(other.indicators),
            encoded: self.encoded.saturating_add(other.encoded),
            longer: self.longer.saturating_add(other.longer),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.indicators, "indicators left out, as there were too many of a kind".to_owned()),
            (self.encoded, "encoded stretches not decoded, as there were too many".to_owned()),
            (
                self.longer,
                "compressed members or encoded runs decoded in their beginning alone".to_owned(),
            ),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{number} {what}"))
            .collect();
        f.write_str(&parts.join("; "))
    }
}

/// How much is kept.
#[derive(Clone, Copy, Default)]
struct Kept {
    values: usize,
    bytes: usize,
}

/// Gathers what is found in one place.
pub struct Found {
    scanner: Arc<Scanner>,
    values: HashMap<(&'static str, Vec<u8>), Carved>,
    kinds: HashMap<&'static str, Kept>,
    all: Kept,
    /// What the limits in bytes are divided by.
    share: usize,
    recent: HashSet<(u64, usize, &'static str)>,
    /// So many are remembered before those too far away are forgotten.
    remembered: usize,
    cut: Cut,
    /// Bytes scanned as they lie, and bytes decoded out of them.
    scanned: u64,
    decoded: u64,
    inflater: Option<Decompress>,
    /// What has begun in the text that is scanned.
    begun: Begun,
}

impl Default for Found {
    fn default() -> Self {
        Self::with(Scanner::own())
    }
}

impl Found {
    /// Gathers what this scanner finds.
    pub(crate) fn with(scanner: Arc<Scanner>) -> Self {
        Self {
            scanner,
            values: HashMap::new(),
            kinds: HashMap::new(),
            all: Kept::default(),
            share: 1,
            recent: HashSet::new(),
            remembered: 0,
            cut: Cut::default(),
            scanned: 0,
            decoded: 0,
            inflater: None,
            begun: Begun::default(),
        }
    }

    /// Gathers in another part of the same place, to be merged.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { share: PART, ..Self::with(self.scanner()) }
    }

    pub(crate) fn scanner(&self) -> Arc<Scanner> {
        Arc::clone(&self.scanner)
    }

    pub(crate) fn add(&mut self, text: &Text<'_>, hit: Hit<'_>) {
        let offset = text.offset(hit.at);
        // Within what was decoded all has one offset; the place in it tells its parts apart.
        let inner = if text.step == 0 { text.start + hit.at + 1 } else { 0 };
        if self.recent.len() >= self.remembered.max(RECENT) {
            // Anchors that lead to one occurrence lie within a run's reach of each other.
            self.recent.retain(|(seen, within, _)| {
                seen.abs_diff(offset) < 16 * 1024 && within.abs_diff(inner) < 16 * 1024
            });
            self.remembered = 2 * self.recent.len();
        }
        let again = !self.recent.insert((offset, inner, hit.kind));
        let key = (hit.kind, hit.value);
        if again {
            // Two anchors led here, in an order that chunks decide; the reason kept must not depend
            // on it.
            if let Some(known) = self.values.get_mut(&key)
                && known.offset == offset
                && hit.why < known.why
            {
                known.why = hit.why;
                known.detail = hit.detail;
            }
            return;
        }
        if let Some(known) = self.values.get_mut(&key) {
            known.count = known.count.saturating_add(1);
            // Of two ways that lead to one offset the shorter counts, whichever chunk took first.
            if (offset, text.way) < (known.offset, known.way) {
                known.offset = offset;
                if !hit.secret {
                    known.context = text.context(hit.at).to_vec();
                }
                (known.way, known.why, known.detail) = (text.way, hit.why, hit.detail);
            }
            return;
        }
        let context = if hit.secret { key.1.as_slice() } else { text.context(hit.at) };
        if !self.room(hit.kind, 2 * key.1.len() + context.len()) {
            self.cut.indicators = self.cut.indicators.saturating_add(1);
            return;
        }
        let carved = Carved {
            kind: hit.kind,
            value: key.1.clone(),
            detail: hit.detail,
            host: hit.host.map(<[u8]>::to_vec),
            port: hit.port,
            offset,
            way: text.way,
            context: context.to_vec(),
            count: 1,
            why: hit.why,
        };
        self.values.insert(key, carved);
    }

    /// Whether one more of this kind and size may be kept; counts it where it may.
    fn room(&mut self, kind: &'static str, bytes: usize) -> bool {
        /// What a value costs beside its bytes.
        const ROW: usize = 256;
        let bytes = bytes + ROW;
        let own = self.kinds.entry(kind).or_default();
        let room = own.values < LIMIT
            && (self.all.bytes + bytes <= KEPT / self.share
                || own.bytes + bytes <= OWN / self.share);
        if room {
            for kept in [own, &mut self.all] {
                kept.values += 1;
                kept.bytes += bytes;
            }
        }
        room
    }

    /// Takes what another part of the same place gave.
    pub fn merge(&mut self, other: Self) {
        self.cut = self.cut.and(other.cut);
        // In the order of their offsets, so that what the limit leaves out does not vary.
        let mut values: Vec<_> = other.values.into_iter().collect();
        values.sort_by(|(_, a), (_, b)| (a.offset, a.kind).cmp(&(b.offset, b.kind)));
        for (key, carved) in values {
            if let Some(known) = self.values.get_mut(&key) {
                let count = known.count.saturating_add(carved.count);
                if (carved.offset, carved.way) < (known.offset, known.way) {
                    *known = carved;
                }
                known.count = count;
            } else if self.room(key.0, 2 * key.1.len() + carved.context.len()) {
                self.values.insert(key, carved);
            } else {
                self.cut.indicators = self.cut.indicators.saturating_add(1);
            }
        }
    }

    /// More bytes of the place were scanned, and may be decoded for.
    pub(super) fn scanned(&mut self, bytes: usize) {
        self.scanned = self.scanned.saturating_add(bytes as u64);
    }

    /// Whether so many bytes more may be decoded; they are counted, or it is noted that they
    /// were left out.
    pub(crate) fn afford(&mut self, bytes: usize) -> bool {
        let room = self.within_budget(bytes);
        if !room {
            self.cut.encoded = self.cut.encoded.saturating_add(1);
        }
        room
    }

    /// Whether so many bytes more may be decoded; then they are counted.
    pub(super) fn within_budget(&mut self, bytes: usize) -> bool {
        let budget = DECODED.saturating_add(self.scanned.saturating_mul(DECODED_PER_BYTE));
        let after = self.decoded.saturating_add(bytes as u64);
        let room = after <= budget;
        if room {
            self.decoded = after;
        }
        room
    }

    /// Of a compressed member the beginning alone was unpacked.
    pub(crate) fn longer(&mut self) {
        self.cut.longer = self.cut.longer.saturating_add(1);
    }

    /// What has begun in the text that is scanned.
    pub(crate) const fn begun(&mut self) -> &mut Begun {
        &mut self.begun
    }

    /// Another text is scanned: what has begun in it, for what had begun in the one before.
    pub(super) const fn swap(&mut self, begun: Begun) -> Begun {
        std::mem::replace(&mut self.begun, begun)
    }

    /// What unpacks members: made once, lent out while one is unpacked.
    pub(crate) fn inflater(&mut self) -> Decompress {
        self.inflater.take().unwrap_or_else(|| Decompress::new(false))
    }

    /// Takes it back.
    pub(crate) fn keep(&mut self, inflater: Decompress) {
        self.inflater = Some(inflater);
    }

    /// The distinct values by offset, and what was left out.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Carved>, Cut) {
        // An address that a mining context made a pool is told once.
        let pools: HashSet<Vec<u8>> = self
            .values
            .keys()
            .filter(|(kind, _)| *kind == "pool")
            .map(|(_, value)| value.clone())
            .collect();
        self.values.retain(|(kind, value), _| *kind != "address" || !pools.contains(value));
        let mut all: Vec<Carved> = self.values.into_values().collect();
        all.sort_by(|a, b| (a.offset, a.kind, &a.value).cmp(&(b.offset, b.kind, &b.value)));
        (all, self.cut)
    }
}
