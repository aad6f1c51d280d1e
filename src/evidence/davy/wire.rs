//! Questions and answers as lines of JSON. Paths and names are written in the reversible form in
//! which facts store them.

use super::header::Header;
use crate::evidence::recording::{Answer, Content, Directory, KeptMemory, Place};
use crate::evidence::{Clock, FileKind, HostPath, Reason, Stat, Unavailable};
use crate::facts::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was answered, or why not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Wire<T> {
    #[serde(rename = "ok")]
    Ok(T),
    #[serde(rename = "err")]
    Err { path: String, reason: String, detail: String },
}

impl<T> Wire<T> {
    pub fn of<U>(answer: &Answer<U>, map: impl FnOnce(&U) -> T) -> Self {
        match answer {
            Ok(value) => Self::Ok(map(value)),
            Err(why) => Self::Err {
                path: why.path.text().escaped(),
                reason: why.reason.word().to_owned(),
                detail: why.detail.clone(),
            },
        }
    }

    pub fn answer<U>(self, map: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Ok(value) => Ok(map(value)),
            Self::Err { path, reason, detail } => Err(Unavailable::new(
                &HostPath::unescape(&path),
                Reason::from_word(&reason).unwrap_or(Reason::Damaged),
                detail,
            )),
        }
    }
}

/// What the kernel says of a file; times in nanoseconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WireStat {
    mode: u32,
    nlink: u32,
    uid: u32,
    gid: u32,
    size: u64,
    dev: u64,
    rdev: u64,
    inode: u64,
    mtime: Option<i64>,
    atime: Option<i64>,
    ctime: Option<i64>,
    btime: Option<i64>,
}

impl From<&Stat> for WireStat {
    fn from(stat: &Stat) -> Self {
        let time = |time: Option<Time>| time.map(|time| time.0);
        Self {
            mode: stat.mode,
            nlink: stat.nlink,
            uid: stat.uid,
            gid: stat.gid,
            size: stat.size,
            dev: stat.dev,
            rdev: stat.rdev,
            inode: stat.inode,
            mtime: time(stat.mtime),
            atime: time(stat.atime),
            ctime: time(stat.ctime),
            btime: time(stat.btime),
        }
    }
}

impl From<WireStat> for Stat {
    fn from(wire: WireStat) -> Self {
        Self {
            kind: FileKind::from_mode(wire.mode),
            mode: wire.mode,
            nlink: wire.nlink,
            uid: wire.uid,
            gid: wire.gid,
            size: wire.size,
            dev: wire.dev,
            rdev: wire.rdev,
            inode: wire.inode,
            mtime: wire.mtime.map(Time),
            atime: wire.atime.map(Time),
            ctime: wire.ctime.map(Time),
            btime: wire.btime.map(Time),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WireClock {
    realtime: i64,
    boottime: Option<i64>,
    monotonic: Option<i64>,
    ticks_per_second: i64,
    page_size: u64,
    zone: String,
}

impl From<&Clock> for WireClock {
    fn from(clock: &Clock) -> Self {
        Self {
            realtime: clock.realtime.0,
            boottime: clock.boottime,
            monotonic: clock.monotonic,
            ticks_per_second: clock.ticks_per_second,
            page_size: clock.page_size,
            zone: clock.zone.clone(),
        }
    }
}

impl From<WireClock> for Clock {
    fn from(wire: WireClock) -> Self {
        Self {
            realtime: Time(wire.realtime),
            boottime: wire.boottime,
            monotonic: wire.monotonic,
            ticks_per_second: wire.ticks_per_second,
            page_size: wire.page_size,
            zone: wire.zone,
        }
    }
}

/// A stretch of bytes: its offset or address, and the member that holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WirePiece {
    pub at: u64,
    pub member: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct WireContent {
    pub pieces: Vec<WirePiece>,
    pub end: Option<u64>,
    pub at_least: u64,
    pub failure: Option<Wire<()>>,
}

/// What was asked of one directory since the last segment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct WireDirectory {
    /// Its path, or that it is the root of a process.
    pub path: Option<String>,
    pub root_of: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Wire<()>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, Wire<Vec<String>>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, Wire<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stats: BTreeMap<String, Wire<WireStat>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub link_stats: BTreeMap<String, Wire<WireStat>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub spaces: BTreeMap<String, Wire<(u64, u64)>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub opened: BTreeMap<String, Wire<()>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contents: BTreeMap<String, WireContent>,
}

impl WireDirectory {
    pub fn of(place: &Place) -> Self {
        match place {
            Place::Path(path) => Self { path: Some(path.text().escaped()), ..Self::default() },
            Place::RootOf(pid) => Self { root_of: Some(*pid), ..Self::default() },
        }
    }

    pub fn place(&self) -> Option<Place> {
        match (&self.path, self.root_of) {
            (Some(path), _) => Some(Place::Path(HostPath::unescape(path))),
            (None, Some(pid)) => Some(Place::RootOf(pid)),
            (None, None) => None,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.refused.is_none()
            && self.lists.is_empty()
            && self.links.is_empty()
            && self.stats.is_empty()
            && self.link_stats.is_empty()
            && self.spaces.is_empty()
            && self.opened.is_empty()
            && self.contents.is_empty()
    }

    /// Puts the answers into a directory of a replay; `content` makes what was read.
    pub fn fill(self, into: &mut Directory, content: &mut dyn FnMut(WireContent) -> Content) {
        let name = |text: String| HostPath::unescape(&text);
        for (key, answer) in self.lists {
            let names = |all: Vec<String>| all.iter().map(|n| HostPath::unescape(n)).collect();
            into.lists.insert(name(key), answer.answer(names));
        }
        for (key, answer) in self.links {
            into.links.insert(name(key), answer.answer(|text| HostPath::unescape(&text)));
        }
        for (key, answer) in self.stats {
            into.stats.insert(name(key), answer.answer(Stat::from));
        }
        for (key, answer) in self.link_stats {
            into.link_stats.insert(name(key), answer.answer(Stat::from));
        }
        for (key, answer) in self.spaces {
            into.spaces.insert(name(key), answer.answer(|space| space));
        }
        for (key, answer) in self.opened {
            into.opened.insert(name(key), answer.answer(|()| ()));
        }
        for (key, wire) in self.contents {
            into.contents.insert(name(key), content(wire));
        }
    }
}

/// A range that was asked for, and the stretches of it that are present.
type WirePresent = (u64, u64, Wire<Vec<(u64, u64)>>);

/// What was asked of one process's memory since the last segment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct WireMemory {
    pub memory: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Wire<()>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub present: Vec<WirePresent>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<WirePiece>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<(u64, Wire<()>)>,
}

impl WireMemory {
    pub fn of(memory: u32) -> Self {
        Self { memory, ..Self::default() }
    }

    /// Puts the answers into a memory of a replay; the pieces are the caller's.
    pub fn fill(self, into: &mut KeptMemory) {
        for (start, end, answer) in self.present {
            into.present.insert((start, end), answer.answer(|stretches| stretches));
        }
        for (address, answer) in self.stops {
            into.stops.insert(address, answer.answer(|()| ()));
        }
    }
}

/// A member and its digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WireMember {
    pub name: String,
    pub size: u64,
    pub sha256: String,
    /// What its header says; older archives have none.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
}

/// The first line of a segment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Heading {
    pub segment: u64,
    /// Digest of the segment before it; empty for the first.
    pub previous: String,
    pub members: Vec<WireMember>,
    /// True in the last one.
    #[serde(default)]
    pub end: bool,
    /// In the last one, the digests of all before it: so it vouches for each, whatever is lost between.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// What was read and not kept, by the limits, with its size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<(String, u64)>,
}

/// The first member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WireAbout {
    pub format: String,
    pub tool: String,
    pub arguments: Vec<String>,
    pub name: String,
    pub clock: WireClock,
    pub memory: String,
    pub limit_one: u64,
    pub limit_all: u64,
}
