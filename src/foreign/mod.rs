//! What other collectors leave, one folder or file a layout.
//!
//! A layout is recognised by the members of its archive. It shows raw files at the paths where the
//! host had them, makes the kernel's files of what programs printed where they were not taken, and
//! leaves the rest to the ordinary collectors. What the collector could not see is said.

mod catscale;
mod listing;
mod logins;
mod output;
mod passed;
mod process;
mod root;
mod uac;
mod velociraptor;

use crate::evidence::{Chooser, Evidence, Guest, Passing, Spool, SpoolLimits, Want};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

/// The host of an archive, or why there is none, in words for the user.
type Opened = Result<Box<dyn Evidence>, String>;

/// A layout of archives.
pub struct Layout {
    /// The collector's name.
    pub name: &'static str,
    /// Whether what lies in an archive, below a name, is of this layout; where the layout begins, as
    /// `folder/`.
    claims: fn(&Spool, &[u8]) -> Option<Vec<u8>>,
    /// The host in it. `base` is what `claims` gave.
    open: fn(Spool, &[u8]) -> Opened,
}

/// Every layout, the surest to tell first.
pub const LAYOUTS: &[Layout] = &[uac::LAYOUT, catscale::LAYOUT, velociraptor::LAYOUT, root::LAYOUT];

/// Opens an archive, read in one forward pass. `path` is where it can be sought in.
///
/// # Errors
/// Where it is no archive, or of no known layout; in words for the user.
pub fn open(
    name: &str,
    stream: Box<dyn Read + Send>,
    path: Option<&Path>,
) -> Result<Box<dyn Evidence>, String> {
    open_beside(name, stream, path, None)
}

/// The same; `by` looks at members as they go by that are too large to be held.
///
/// # Errors
/// As [`open`].
pub fn open_beside(
    name: &str,
    stream: Box<dyn Read + Send>,
    path: Option<&Path>,
    by: Option<Arc<dyn Passing>>,
) -> Result<Box<dyn Evidence>, String> {
    recognise(name, Spool::read(name, stream, path, SpoolLimits::default(), &Choice, by))
}

/// Whether a collector wrote into this folder, by what lies in it.
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    let telling = [
        "uac.log",
        "live_response",
        "[root]",
        "bodyfile",
        "Process_and_Network",
        "catscale_out",
        "uploads.json",
        "collection_context.json",
    ];
    telling.iter().any(|name| path.join(name).exists())
}

/// Opens the folder into which a collector wrote; `None` where it is of no layout.
pub fn folder(
    name: &str,
    path: &Path,
    by: Option<Arc<dyn Passing>>,
) -> Option<Result<Box<dyn Evidence>, String>> {
    if !is_folder(path) {
        return None;
    }
    Some(recognise(name, Spool::folder(name, path, SpoolLimits::default(), &Choice, by)))
}

fn recognise(name: &str, spool: io::Result<Spool>) -> Result<Box<dyn Evidence>, String> {
    let mut spool = spool.map_err(|e| format!("{name}: {e}"))?;
    if let Some(why) = refusal(&spool, b"") {
        return Err(format!("{name}: {why}"));
    }
    if let Some((layout, base)) = claimed(&spool, b"") {
        for (member, told) in spool.itself() {
            let why = format!(
                "holds a collection of {told}, and lies among a host's own files: not opened; name it \
                 where it is evidence"
            );
            spool.problem(&member, why);
        }
        for other in further(&spool, &base) {
            let why = "another collection lies here, and is not looked at: name it alone";
            spool.beyond.push((crate::facts::HostText::from(other).escaped(), why.to_owned()));
        }
        return (layout.open)(spool, &base).map_err(|e| format!("{name}: {e}"));
    }
    let shown = |member: &[u8]| crate::facts::HostText::from(member).escaped();
    if spool.guests.len() > 1 {
        let told = |guest: &Guest| format!("{} ({})", shown(guest.name()), guest.told);
        let inner: Vec<String> = spool.guests.iter().map(told).collect();
        return Err(format!(
            "{name}: holds several archives: {}. Unpack it; then name those of one host, or give \
             the folder to davy batch",
            inner.join(", ")
        ));
    }
    if let Some(guest) = spool.the_guest() {
        let member = shown(guest.name());
        if let Some(host) = guest.host {
            return Ok(host);
        }
        if let Some(why) = refusal(&spool, &guest.base) {
            return Err(format!("{name}: {member}: {why}"));
        }
        if let Some((layout, base)) = claimed(&spool, &guest.base) {
            return (layout.open)(spool, &base).map_err(|e| format!("{name}: {member}: {e}"));
        }
    }
    if let Some(why) = cut(&spool) {
        return Err(format!("{name}: {why}"));
    }
    let packed = |name: &&Vec<u8>| PACKED.iter().any(|end| name.ends_with(end));
    if let Some(member) = spool.unopened.as_ref().or_else(|| spool.members.keys().find(packed)) {
        return Err(format!(
            "{name}: of no known layout, but it holds an archive itself ({}): unpack it and name \
             that one",
            shown(member)
        ));
    }
    let names: Vec<&str> = LAYOUTS.iter().map(|layout| layout.name).collect();
    Err(format!("{name}: an archive of no known layout ({})", names.join(", ")))
}

/// Where further collections lie, beside the one that begins at `base`.
fn further(spool: &Spool, base: &[u8]) -> Vec<Vec<u8>> {
    let begins = |name: &[u8]| {
        let uac = name.strip_suffix(b"uac.log").filter(|at| at.is_empty() || at.ends_with(b"/"));
        let at = uac.or_else(|| catscale::begins(name))?;
        let files = output::find(at, b"[root]/").is_some() || at.contains(&b'!');
        (at != base && !files).then(|| at.to_vec())
    };
    let mut found: Vec<Vec<u8>> = spool.members.keys().filter_map(|name| begins(name)).collect();
    found.dedup();
    found.truncate(FURTHER);
    found
}

/// Further collections that are named.
const FURTHER: usize = 8;

/// Why nothing can be made of an archive that is cut or damaged, where it is.
fn cut(spool: &Spool) -> Option<String> {
    let (member, why) = spool.cut.as_ref()?;
    let place = if member.is_empty() { String::new() } else { format!(" at {member}") };
    let there = match spool.members.len() {
        0 => "nothing of it can be read".to_owned(),
        1 => "the one member that can be read is too little to tell which collector left it"
            .to_owned(),
        count => format!(
            "the {count} members that can be read are too few to tell which collector left them"
        ),
    };
    Some(format!(
        "the archive is cut or damaged{place} ({why}), and {there}: copy it again from where it was made, \
         and compare sizes and digests"
    ))
}

/// The layout of what lies below a name, and where it begins.
fn claimed(spool: &Spool, within: &[u8]) -> Option<(&'static Layout, Vec<u8>)> {
    LAYOUTS.iter().find_map(|layout| Some((layout, (layout.claims)(spool, within)?)))
}

/// How archives end.
const PACKED: &[&[u8]] =
    &[b".tar", b".tar.gz", b".tgz", b".tar.zst", b".tar.xz", b".zip", b".tar.bz2", b".7z"];

/// Whether an archive of this name, within another, could be what a collector left: not deep, and not
/// below a root file system that was collected, where a suspect could have put it.
fn shallow(name: &[u8]) -> bool {
    let deep = name.iter().filter(|b| **b == b'/').count() > 3;
    let host = [&b"[root]/"[..], b"live_response/", b"uploads/"]
        .iter()
        .any(|part| output::find(name, part).is_some());
    !deep && !host
}

/// Whether Velociraptor uploaded it as a collection of UAC. Whatever else it uploads are the host's
/// files, whatever they hold.
fn uploaded(name: &[u8]) -> bool {
    let last = name.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let host = output::find(name, b"[root]/").is_some();
    name.starts_with(b"uploads/")
        && last.starts_with(b"uac-")
        && !host
        && PACKED.iter().any(|end| name.ends_with(end))
}

/// What is recognised only to be turned away.
fn refusal(spool: &Spool, within: &[u8]) -> Option<&'static str> {
    let any = |test: &dyn Fn(&[u8]) -> bool| spool.own(within).any(|(name, ..)| test(name));
    let below = |name: &[u8], folder: &[u8]| {
        name.split(|b| *b == b'/').any(|part| part.eq_ignore_ascii_case(folder))
    };
    let windows = |name: &[u8]| {
        let drive = |at: usize| name.get(at..at + 2).is_some_and(|d| matches!(d, b"C:" | b"c:"));
        drive(0)
            || name.starts_with(b"uploads/auto/C%3A")
            || name.starts_with(b"uploads/ntfs/")
            || (below(name, b"Windows") && below(name, b"System32"))
    };
    if any(&windows) {
        return Some("of a Windows host: davy reads Linux hosts");
    }
    let old = any(&|name| below(name, b"body_file"))
        && any(&|name| below(name, b"process"))
        && !any(&|name| below(name, b"live_response"));
    old.then_some(
        "made by UAC 1, whose layout is another: collect with UAC 2 or later, or davy collect",
    )
}

/// Ends of the names of archives that collectors put into theirs.
const NESTED: &[&[u8]] = &[
    b"-etc-key-files.tar.gz",
    b"-etc-modified-files.tar.gz",
    b"-cron-folder.tar.gz",
    b"-ssh-folders.tar.gz",
    b"hidden-user-home-dir.tar.gz",
    b"-var-log.tar.gz",
];

/// Folders of which no collector of facts reads anything, and that can be large.
const UNREAD: &[&[u8]] = &[
    b"hash_executables/",
    b"osquery/",
    b"/usr/share/",
    b"/var/log/journal/",
    b"/usr/lib/python",
    b"/lib/modules/",
    b"/boot/",
    b"live_response/system/module/",
    b"live_response/system/modinfo/",
    b"/live_response/hardware/",
];

/// Logs that tell who came in: kept where there is room, however large.
const LOGINS: &[&[u8]] = &[b"auth.log", b"secure", b"wtmp", b"btmp"];

/// Folders that anyone may fill: what lies there must not crowd out the rest.
const OPEN_TO_ALL: &[&[u8]] = &[b"/tmp/", b"/var/tmp/", b"/dev/shm/", b"/run/shm/"];

/// Folders of a host whose files are kept where there is room, if they are larger than
/// [`SMALL`]: many small files tell more than one program.
const LARGE: &[&[u8]] =
    &[b"/home/", b"/root/", b"/usr/", b"/opt/", b"/srv/", b"/var/", b"/lib/", b"/bin/", b"/sbin/"];

/// What configuration, scripts and lists of jobs seldom reach.
const SMALL: u64 = 256 << 10;

/// What is wanted of archives.
struct Choice;

impl Chooser for Choice {
    fn want(&self, name: &[u8], size: u64) -> Want {
        wanted(name, size)
    }

    fn wrapped(&self, name: &[u8]) -> bool {
        shallow(name)
    }

    fn alone(&self, told: &'static str) -> bool {
        // On a host's disk archives are nothing strange.
        told != root::LAYOUT.name
    }

    fn collection(&self, spool: &Spool, within: &[u8]) -> Option<&'static str> {
        claimed(spool, within).map(|(layout, _)| layout.name)
    }
}

/// What is wanted of an archive. Logs that are large are named and not held.
fn wanted(name: &[u8], size: u64) -> Want {
    if NESTED.iter().any(|end| name.ends_with(end)) && !name.starts_with(b"[root]/") {
        return Want::Members;
    }
    // Velociraptor's Generic.Collection.UAC.
    if uploaded(name) {
        return Want::Members;
    }
    if let Some(lines) = listing::lines(name) {
        return Want::Lines(lines);
    }
    if passed::by_nature(name, size) {
        return Want::Pass;
    }
    let holds = |part: &&&[u8]| output::find(name, part).is_some();
    // What every start of Python runs is read.
    let python = name.ends_with(b".pth") || name.ends_with(b"customize.py");
    if UNREAD.iter().find(holds).is_some() && !python {
        return Want::Name;
    }
    let log = output::find(name, b"/var/log/").is_some() || name.starts_with(b"var/log/");
    if log && size > 4 << 20 {
        let last = name.rsplit(|b| *b == b'/').next().unwrap_or_default();
        let of_logins = LOGINS.iter().any(|log| last.starts_with(log));
        return if of_logins { Want::Spare } else { Want::Name };
    }
    let rooted = [b"/", name].concat();
    let holds = |part: &&&[u8]| output::find(&rooted, part).is_some();
    if OPEN_TO_ALL.iter().find(holds).is_some()
        || size > SMALL && LARGE.iter().find(holds).is_some()
    {
        return Want::Spare;
    }
    Want::Bytes
}
