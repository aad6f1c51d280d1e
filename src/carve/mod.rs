//! Bytes in, indicators out: the strings that a dropper or miner cannot do without, wherever
//! they lie: an executable, a deleted file, the memory of a suspect.
//!
//! `scan` finds anchors at nearly the speed of reading, `kinds` holds a grammar for each family of
//! indicators, and the rest says which bytes of a host are worth carving.

mod carver;
mod core;
mod file;
mod files;
mod image;
mod indicator;
mod ioc;
mod kinds;
mod maps;
mod memory;
mod passed;
mod place;
mod recover;
mod scan;
mod streamed;
mod told;
mod yara;

pub use self::core::{Began, HEAD, Ids, Layout, Mapped, Segment};
pub use crate::evidence::{Packed, begins, unpack};
pub use carver::Carver;
pub use file::carve_file;
pub use image::{Unfolded, is_image, ranges};
pub use indicator::Indicator;
pub use ioc::{Ioc, Iocs, refang};
pub use memory::{ProcessCarved, carve_process};
pub use passed::Passers;
pub use place::{Place, finish, leave};
pub use recover::{Recovered, recover};
pub use scan::{Carved, Cut, Found, LIMIT, Step, Stream, Way};
pub use streamed::{Streamed, carve_stream};
pub use yara::{Held, Judged, Match, Rules};

use crate::evidence::{Evidence, Pid};
use crate::facts::{self, Facts, Table, TableDef};
use std::io::Read;

/// The tables that carving fills.
pub const TABLES: &[TableDef] =
    &[Indicator::DEF, ioc::Listed::DEF, ioc::IocMatch::DEF, yara::YaraMatch::DEF];

/// Bytes read at once.
const READ: usize = 256 * 1024;

/// Carves a stream of bytes, the first of which has this offset.
///
/// # Errors
/// The reader's. What was found before is in `found`.
pub fn carve(mut reader: impl Read, offset: u64, found: &mut Found) -> std::io::Result<u64> {
    let mut stream = Stream::new(found, offset);
    let mut total = 0_u64;
    loop {
        let got = match reader.read(stream.room(READ)) {
            Ok(got) => got,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {
                stream.filled(READ, 0);
                continue;
            }
            Err(e) => {
                stream.filled(READ, 0);
                return Err(e);
            }
        };
        stream.filled(READ, got);
        if got == 0 {
            return Ok(total);
        }
        total = total.saturating_add(got as u64);
    }
}

/// Carves what every triage looks at: each distinct executable, each deleted open file or memfd,
/// each deleted mapped library, and small files beside suspects' executables. Leaves what was carved of an
/// archive's large members while it was read.
///
/// # Errors
/// Where facts cannot be stored. What cannot be read is coverage.
pub fn carve_files(
    evidence: &dyn Evidence,
    facts: &Facts,
    carver: &Carver,
    progress: &dyn Fn(&str),
) -> Result<(), facts::Error> {
    progress("carving files");
    files::carve(evidence, facts, carver)?;
    passed::store(evidence, facts)
}

/// Carves the memory of these processes: present pages only, never a device's. The coverage row
/// `memory` sums up this and all earlier calls; with no pids it says that none was asked for.
///
/// # Errors
/// Where facts cannot be stored. What cannot be read is coverage.
pub fn carve_memory(
    evidence: &dyn Evidence,
    facts: &Facts,
    carver: &Carver,
    pids: &[Pid],
    progress: &dyn Fn(&str),
) -> Result<(), facts::Error> {
    if pids.is_empty() {
        return memory::cover(facts);
    }
    progress("carving memory");
    memory::carve(evidence, facts, carver, pids)
}
