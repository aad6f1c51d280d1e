//! The walk: each process opened once, its collectors run, its rows stored in the order of pids.
//!
//! Reading waits for the kernel and storing for SQLite, so they have threads of their own: two
//! walkers take the pids in turns, a chunk each, and their rows are stored in the order of pids.
//! The number is fixed, since a walker shares what it remembers (see [`Walk`]) with itself alone:
//! the same host must give the same facts on any machine. Rows go over in batches, few at a time:
//! a process with 100,000 open files takes no more memory than others.

use super::exe::identity;
use super::{Process, ProcessDir};
use crate::collect::environment::Variable;
use crate::collect::host::reader_pid;
use crate::collect::mappings::Mapping;
use crate::collect::mounts::Remote;
use crate::collect::open_files::{Digests, OpenFile};
use crate::collect::processes::directory::bracketed;
use crate::collect::{Gaps, Host, Outcome};
use crate::evidence::{Clock, Evidence, HostPath, Pid, Reason, Unavailable};
use crate::facts::{self, Facts, Inserter};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Reads rows of one process.
pub(in crate::collect) type Reader = fn(&ProcessDir<'_>, &mut Rows<'_>);

/// Rows sent over at once, and batches on their way at most.
const BATCH: usize = 256;
const BATCHES: usize = 16;
/// Threads that read, and processes that one takes at a time.
const WALKERS: usize = 2;
const CHUNK: usize = 32;

/// A row of a process, on its way to the store.
pub(in crate::collect) enum Row {
    Process(Box<Process>),
    /// With its place in the environment.
    Variable(usize, Variable),
    OpenFile(OpenFile),
    Mapping(Mapping),
}

/// Stores rows of all kinds.
struct Store<'f> {
    processes: Inserter<'f, Process>,
    environment: Inserter<'f, Variable>,
    open_files: Inserter<'f, OpenFile>,
    mappings: Inserter<'f, Mapping>,
}

impl<'f> Store<'f> {
    fn new(facts: &'f Facts) -> Result<Self, facts::Error> {
        Ok(Self {
            processes: facts.inserter()?,
            environment: facts.inserter()?,
            open_files: facts.inserter()?,
            mappings: facts.inserter()?,
        })
    }

    fn store(&mut self, row: &Row) -> Outcome {
        match row {
            Row::Process(row) => {
                let pid = row.pid;
                self.processes.insert(pid, format_args!("/proc/{pid}/stat"), row)
            }
            Row::Variable(place, row) => {
                let pid = row.pid;
                let key = format_args!("{pid}/{place}");
                self.environment.insert(key, format_args!("/proc/{pid}/environ"), row)
            }
            Row::OpenFile(row) => {
                let (pid, fd) = (row.pid, row.fd);
                let key = format_args!("{pid}/{fd}");
                self.open_files.insert(key, format_args!("/proc/{pid}/fd/{fd}"), row)
            }
            Row::Mapping(row) => {
                let (pid, start) = (row.pid, row.start);
                let key = format_args!("{pid}/{start:x}");
                self.mappings.insert(key, format_args!("/proc/{pid}/maps"), row)
            }
        }
    }
}

/// Takes the rows of the collectors.
pub(in crate::collect) struct Rows<'a> {
    batch: Vec<Row>,
    to: &'a SyncSender<Vec<Row>>,
    /// The store failed, and told so; reading on would be in vain.
    closed: bool,
}

impl<'a> Rows<'a> {
    pub(super) const fn new(to: &'a SyncSender<Vec<Row>>) -> Self {
        Self { batch: Vec::new(), to, closed: false }
    }

    pub(in crate::collect) fn push(&mut self, row: Row) {
        self.batch.push(row);
        if self.batch.len() >= BATCH {
            self.send();
        }
    }

    pub(super) fn send(&mut self) {
        let full = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.closed |= self.to.send(full).is_err();
    }

    /// Sends what is left of a chunk, and the empty batch that ends it.
    fn end_chunk(&mut self) {
        if !self.batch.is_empty() {
            self.send();
        }
        self.send();
    }
}

/// Device and inode of what lies at a path, or why they are not known.
type Identity = Result<(u64, u64), Unavailable>;

/// What a walk remembers across processes, so that nothing is asked twice.
#[derive(Default)]
pub(in crate::collect) struct Walk {
    /// For whole small files, used over and over.
    pub buffer: Cell<Vec<u8>>,
    /// What deleted files hold: several processes often share one.
    pub digests: Digests,
    /// By the digest of an environment, the first process that was started with it. Workers and
    /// forks share theirs with many others.
    pub(super) environments: RefCell<HashMap<[u8; 32], Pid>>,
    /// The processes of which something is mounted over.
    pub(super) covered: BTreeSet<Pid>,
    own_mnt: OnceCell<Option<u64>>,
    remote: RefCell<HashMap<Option<u64>, Rc<Remote>>>,
    at_path: RefCell<HashMap<HostPath, Identity>>,
}

impl Walk {
    /// Whether a mount namespace is another than the one whose `/` is the host's root: davy's
    /// own on a live host, that of the first process where the evidence has no davy in it.
    pub(super) fn is_foreign(&self, host: &Host<'_>, mnt: u64) -> bool {
        let own = self.own_mnt.get_or_init(|| {
            ["proc/self/ns/mnt", "proc/1/ns/mnt"].iter().find_map(|link| {
                let link = host.root.link(&HostPath::from(*link)).ok()?;
                bracketed(link.as_bytes())
            })
        });
        own.is_some_and(|own| own != mnt)
    }

    /// The network mounts that a process's paths may run into, read once a mount namespace.
    pub(in crate::collect) fn remote(&self, process: &ProcessDir<'_>) -> Rc<Remote> {
        let namespace = process.namespaces().mnt;
        if let Some(known) = self.remote.borrow().get(&namespace) {
            return Rc::clone(known);
        }
        let mut text = Vec::new();
        // Unreadable: then nothing is known to be remote. A stat asks for cached answers only.
        let _ = process.dir.read(&HostPath::from("mountinfo"), 16 * 1024 * 1024, &mut text);
        let remote = Rc::new(Remote::among(&text));
        self.remote.borrow_mut().insert(namespace, Rc::clone(&remote));
        remote
    }

    /// Device and inode of what lies at a path of the host's own root.
    pub(super) fn at_host_path(
        &self,
        host: &Host<'_>,
        path: &HostPath,
    ) -> Result<(u64, u64), Unavailable> {
        if let Some(known) = self.at_path.borrow().get(path) {
            return known.clone();
        }
        let found = identity(host.root.as_ref(), path);
        self.at_path.borrow_mut().insert(path.clone(), found.clone());
        found
    }
}

/// Opens each process once and hands it to the collectors.
pub(in crate::collect) fn walk(host: &Host<'_>, facts: &Facts, readers: &[Reader]) -> Outcome {
    let names = match host.root.list(&HostPath::from("proc")) {
        Ok(names) => names,
        Err(why) => {
            host.gaps.missed("processes", &why);
            return Ok(());
        }
    };
    super::hidden::note(host);
    let covered = &super::hidden::covered(host);
    let own = own(host);
    let pids: Vec<Pid> = pids(&names).into_iter().filter(|pid| Some(*pid) != own).collect();
    let chunks: Vec<&[Pid]> = pids.chunks(CHUNK).collect();
    let (evidence, clock) = (host.evidence, &host.clock);
    std::thread::scope(|scope| {
        let walkers: Vec<_> = (0..WALKERS)
            .map(|first| {
                let (to, from) = sync_channel(BATCHES);
                let chunks = chunks.iter().skip(first).step_by(WALKERS).copied();
                let walker = scope.spawn(move || {
                    read_all(evidence, clock.clone(), covered, chunks, readers, &to)
                });
                (walker, from)
            })
            .collect();
        let (walkers, from): (Vec<_>, Vec<_>) = walkers.into_iter().unzip();
        let stored = store_all(facts, chunks.len(), &from);
        // Walkers that wait for room are let go.
        drop(from);
        for walker in walkers {
            match walker.join() {
                Ok(gaps) => host.gaps.absorb(gaps),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        stored
    })
}

/// Stores chunk after chunk, in the order of pids, whichever walker is ahead.
fn store_all(facts: &Facts, chunks: usize, from: &[Receiver<Vec<Row>>]) -> Outcome {
    for table in ["open_files", "mappings"] {
        // Rows come in the order of pids: kept meanwhile, an index costs less than made at last.
        facts.change(&format!("CREATE INDEX {table}_pid ON {table} (pid)"), [])?;
    }
    let mut store = Store::new(facts)?;
    for from in from.iter().cycle().take(chunks) {
        // An empty batch ends a chunk; so does a walker that has gone.
        for batch in from.iter().take_while(|batch| !batch.is_empty()) {
            batch.iter().try_for_each(|row| store.store(row))?;
        }
    }
    Ok(())
}

/// Has a host of its own: directory handles are not shared between threads.
pub(super) fn read_all<'p>(
    evidence: &dyn Evidence,
    clock: Clock,
    covered: &BTreeSet<Pid>,
    chunks: impl Iterator<Item = &'p [Pid]>,
    readers: &[Reader],
    to: &SyncSender<Vec<Row>>,
) -> Gaps {
    let host = match Host::new(evidence, clock) {
        Ok(host) => host,
        Err(why) => {
            let gaps = Gaps::default();
            gaps.missed("processes", &why);
            return gaps;
        }
    };
    let walk = Walk { covered: covered.clone(), ..Walk::default() };
    let mut rows = Rows::new(to);
    for chunk in chunks {
        for pid in chunk {
            read_one(&host, &walk, *pid, readers, &mut rows);
        }
        rows.end_chunk();
        if rows.closed {
            break;
        }
    }
    host.gaps
}

fn read_one(host: &Host<'_>, walk: &Walk, pid: Pid, readers: &[Reader], rows: &mut Rows<'_>) {
    match ProcessDir::open(host, walk, pid) {
        Ok(Some(process)) => {
            for reader in readers {
                reader(&process, rows);
            }
        }
        Ok(None) => {
            let path = HostPath::new(format!("/proc/{pid}/stat"));
            let why = Unavailable::new(&path, Reason::Vanished, "ended during the walk");
            host.gaps.missed("processes", &why);
        }
        Err(why) => host.gaps.missed("processes", &why),
    }
}

/// Davy's own id: it is not part of what happened on the host, and a copy in /dev/shm with the
/// words of its playbooks in memory would look like much.
fn own(host: &Host<'_>) -> Option<Pid> {
    let pid = reader_pid(host)?;
    host.gaps.note("processes", format!("davy itself (pid {pid}) is left out"));
    Some(pid)
}

/// The numeric names, in numeric order.
fn pids(names: &[HostPath]) -> Vec<Pid> {
    let number = |name: &HostPath| std::str::from_utf8(name.as_bytes()).ok()?.parse().ok();
    let mut pids: Vec<Pid> = names.iter().filter_map(number).collect();
    pids.sort_unstable();
    pids
}
