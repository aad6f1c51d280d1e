//! Sockets of every network namespace, joined to processes by inode.

mod parse;

use super::{Collector, Host, Outcome, Run};
use crate::evidence::{Dir, HostPath, Pid, Reason, Unavailable};
use crate::facts::{self, Facts, Table};
use parse::{FORMATS, Format, is_heading};
use std::collections::{BTreeMap, HashMap};

crate::table! {
    pub struct Socket in sockets, "Every socket in /proc/PID/net of one process in each network namespace, and the process that holds it. A socket held by several processes has a row for each.";
    protocol: &'static str, "", "tcp, tcp6, udp, udp6, unix, raw, raw6, packet.";
    local_address: Option<String>, "", "Local address; an IPv4 address mapped into IPv6 is written as IPv4.";
    local_port: Option<u16>, "", "Local port; for raw sockets, the protocol number; for packet sockets, the Ethernet type (3 for all).";
    remote_address: Option<String>, "", "Peer's address; NULL where there is none.";
    remote_port: Option<u16>, "", "Peer's port.";
    state: Option<&'static str>, "", "ESTABLISHED, LISTEN, TIME_WAIT … for tcp; LISTEN, CONNECTED, UNCONNECTED … for unix; NULL for the rest.";
    path: Option<HostPath>, "", "For unix sockets: the name, `@` for abstract ones.";
    uid: Option<u32>, "", "Owner.";
    inode: u64, "", "Inode; the key to open_files. 0 where no process holds it any more, as in TIME_WAIT.";
    net_ns: Option<u64>, "", "Network namespace; NULL where it could not be asked.";
    tx_queue: Option<u64>, "bytes", "Waiting to be sent.";
    rx_queue: Option<u64>, "bytes", "Waiting to be read.";
    pid: Option<u32>, "", "Process that holds it; NULL where none was seen to.";
    fd: Option<u32>, "", "Its descriptor there.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "sockets", tables: &[Socket::DEF], run: Run::Host(collect) };

/// One table of one namespace: some 400,000 connections.
const LIMIT: usize = 64 * 1024 * 1024;

/// Which process holds an inode, and under which descriptors.
type Holders = HashMap<u64, Vec<(Pid, u32)>>;

pub(super) fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let holders = holders(facts)?;
    let namespaces = namespaces(facts)?;
    for (namespace, pids) in &namespaces {
        one_namespace(host, facts, &holders, *namespace, pids)?;
    }
    // An ordinary user may not see which namespace others are in, but always sees its own.
    if namespaces.is_empty() {
        match host.evidence.dir(&HostPath::from("/proc/net")) {
            Ok(net) => tables(host, facts, &holders, net.as_ref(), "/proc/net", None)?,
            Err(why) => host.gaps.missed("sockets", &why),
        }
    }
    without_processes(host, &namespaces);
    Ok(())
}

/// From the rows that the walk left.
fn holders(facts: &Facts) -> Result<Holders, facts::Error> {
    let mut holders = Holders::new();
    let ask = "SELECT inode, pid, fd FROM open_files \
        WHERE kind = 'socket' AND inode IS NOT NULL ORDER BY pid, fd";
    let rows =
        facts.rows(ask, [], |row| Ok((row.get::<_, i64>(0)?, (row.get(1)?, row.get(2)?))))?;
    for (inode, holder) in rows {
        holders.entry(inode.cast_unsigned()).or_default().push(holder);
    }
    Ok(holders)
}

/// Each network namespace and the processes in it, in order.
fn namespaces(facts: &Facts) -> Result<BTreeMap<u64, Vec<Pid>>, facts::Error> {
    let mut namespaces = BTreeMap::<u64, Vec<Pid>>::new();
    let ask = "SELECT net_ns, pid FROM processes WHERE net_ns IS NOT NULL ORDER BY pid";
    for (namespace, pid) in facts.rows(ask, [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))? {
        namespaces.entry(namespace.cast_unsigned()).or_default().push(pid);
    }
    Ok(namespaces)
}

/// Reads a namespace through the first of its processes that still is in it.
fn one_namespace(
    host: &Host<'_>,
    facts: &Facts,
    holders: &Holders,
    namespace: u64,
    pids: &[Pid],
) -> Outcome {
    let mut failed = None;
    for pid in pids {
        let base = format!("/proc/{pid}/net");
        // Processes of the same namespace show the same tables; one that ended shows none.
        match host.evidence.dir(&HostPath::new(base.as_str())).and_then(|net| {
            net.stat(&HostPath::from("tcp")).or_else(|_| net.stat(&HostPath::from("unix")))?;
            Ok(net)
        }) {
            Ok(net) => return tables(host, facts, holders, net.as_ref(), &base, Some(namespace)),
            Err(why) => failed = failed.or(Some(why)),
        }
    }
    if let Some(why) = failed {
        host.gaps.missed("sockets", &why);
    }
    Ok(())
}

/// A namespace that a mount keeps alive without a process cannot be looked into from outside.
fn without_processes(host: &Host<'_>, known: &BTreeMap<u64, Vec<Pid>>) {
    let mut text = Vec::new();
    if host.root.read(&HostPath::from("proc/self/mountinfo"), LIMIT, &mut text).is_err() {
        return;
    }
    for number in super::mounts::network_namespaces(&text) {
        if !known.contains_key(&number) {
            let path = HostPath::new(format!("net:[{number}]"));
            let why = "a network namespace that is mounted and has no visible process";
            host.gaps.missed("sockets", &Unavailable::new(&path, Reason::NotCaptured, why));
        }
    }
}

fn tables(
    host: &Host<'_>,
    facts: &Facts,
    holders: &Holders,
    net: &dyn Dir,
    base: &str,
    namespace: Option<u64>,
) -> Outcome {
    let mut bytes = Vec::new();
    for format in FORMATS {
        bytes.clear();
        match net.read(&HostPath::from(format.name), LIMIT, &mut bytes) {
            Ok(more) => {
                if more {
                    damaged(host, base, format, Reason::TooMuch, "longer than is read");
                }
                table(host, facts, holders, format, &bytes, base, namespace)?;
            }
            // A kernel without IPv6 or packet sockets has no such table.
            Err(why) if why.reason == Reason::Absent => {}
            Err(why) => host.gaps.missed("sockets", &why),
        }
    }
    Ok(())
}

fn damaged(host: &Host<'_>, base: &str, format: &Format, reason: Reason, why: &str) {
    let path = HostPath::new(format!("{base}/{}", format.name));
    host.gaps.missed("sockets", &Unavailable::new(&path, reason, why));
}

fn table(
    host: &Host<'_>,
    facts: &Facts,
    holders: &Holders,
    format: &Format,
    bytes: &[u8],
    base: &str,
    namespace: Option<u64>,
) -> Outcome {
    let mut read = 0;
    for (line, number) in bytes.split(|b| *b == b'\n').zip(1_u64..) {
        if line.is_empty() || is_heading(line) {
            continue;
        }
        let Some(mut socket) = (format.parse)(format.name, line) else {
            damaged(host, base, format, Reason::Damaged, "a line was not understood");
            continue;
        };
        read += 1;
        socket.net_ns = namespace;
        let source = format!("{base}/{}:{number}", format.name);
        store(facts, holders, socket, number, &source)?;
    }
    host.gaps.read_many("sockets", read);
    Ok(())
}

/// A row for each descriptor that leads to it; one without a process where there is none.
fn store(facts: &Facts, holders: &Holders, mut socket: Socket, line: u64, source: &str) -> Outcome {
    let (protocol, inode) = (socket.protocol, socket.inode);
    if inode == 0 {
        // Nothing else tells those apart that nobody holds.
        let namespace = socket.net_ns.unwrap_or(0);
        return facts.insert(format_args!("{protocol}/0/{namespace}/{line}"), source, &socket);
    }
    let held = holders.get(&inode).map(Vec::as_slice).unwrap_or_default();
    if held.is_empty() {
        return facts.insert(format_args!("{protocol}/{inode}"), source, &socket);
    }
    for (pid, fd) in held {
        (socket.pid, socket.fd) = (Some(*pid), Some(*fd));
        facts.insert(format_args!("{protocol}/{inode}/{pid}/{fd}"), source, &socket)?;
    }
    Ok(())
}
