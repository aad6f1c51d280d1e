//! `ss`: sockets, the processes that hold them, and the filters on packet sockets.

use super::{find, lines, number, split, words};
use std::collections::{BTreeMap, BTreeSet};

/// A socket as `ss` printed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::foreign) struct Row {
    /// tcp, udp, raw, p_raw, p_dgr, u_str …; empty where ss was asked for one protocol alone.
    pub protocol: String,
    pub state: String,
    pub receive: u64,
    pub send: u64,
    pub local: Vec<u8>,
    pub peer: Vec<u8>,
    /// Name, pid and descriptor of each holder.
    pub users: Vec<(Vec<u8>, u32, u32)>,
    pub inode: Option<u64>,
    pub uid: Option<u32>,
    /// The classic BPF filter, as printed.
    pub filter: Option<Vec<u8>>,
    /// From 1.
    pub line: usize,
}

const PROTOCOLS: &[&str] = &[
    "tcp", "udp", "raw", "p_raw", "p_dgr", "u_str", "u_dgr", "u_seq", "nl", "icmp6", "dccp",
    "sctp", "mptcp", "v_str", "v_dgr", "xdp", "tipc", "???",
];
const STATES: &[&str] = &[
    "ESTAB",
    "SYN-SENT",
    "SYN-RECV",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "TIME-WAIT",
    "UNCONN",
    "CLOSE-WAIT",
    "LAST-ACK",
    "LISTEN",
    "CLOSING",
    "CLOSED",
];

/// The sockets of a listing.
pub(in crate::foreign) fn sockets(text: &[u8]) -> Vec<Row> {
    let mut found: Vec<Row> = Vec::new();
    for (line, at) in lines(text).zip(1_usize..) {
        if line.first().is_some_and(u8::is_ascii_whitespace) {
            if let (Some(last), Some((_, filter))) = (found.last_mut(), split(line, b"bpf filter"))
            {
                last.filter = Some(filter.trim_ascii().to_vec());
            }
            if let Some(last) = found.last_mut() {
                details(last, line);
            }
            continue;
        }
        if let Some(row) = row(line, at) {
            found.push(row);
        }
    }
    found
}

fn row(line: &[u8], at: usize) -> Option<Row> {
    let mut fields = words(line).peekable();
    let mut row = Row { line: at, ..Row::default() };
    let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    let first = text(fields.peek()?);
    if PROTOCOLS.contains(&first.as_str()) {
        row.protocol = first;
        fields.next();
    }
    let second = text(fields.peek()?);
    if STATES.contains(&second.as_str()) {
        row.state = second;
        fields.next();
    } else if row.protocol.is_empty() {
        return None;
    }
    row.receive = number(fields.next()?)?;
    row.send = number(fields.next()?)?;
    row.local = fields.next()?.to_vec();
    row.peer = fields.next().unwrap_or_default().to_vec();
    details(&mut row, line);
    Some(row)
}

/// `users:(("sshd",pid=31,fd=3),…) uid:33 ino:640 sk:1`.
fn details(row: &mut Row, line: &[u8]) {
    let mut rest = line;
    while let Some((before, after)) = split(rest, b",pid=") {
        let name = find_last_quoted(before);
        let pid = digits(after);
        let fd = split(after, b"fd=").and_then(|(between, fd)| {
            (find(between, b"(").is_none()).then(|| digits(fd)).flatten()
        });
        if let (Some(pid), Some(fd)) = (pid, fd) {
            row.users.push((name.to_vec(), pid, fd));
        }
        rest = after;
    }
    let tail =
        memchr::memmem::rfind(line, b"))").map_or(line, |at| line.get(at..).unwrap_or_default());
    for word in words(tail) {
        if let Some(inode) = word.strip_prefix(b"ino:") {
            row.inode = number(inode);
        }
        if let Some(uid) = word.strip_prefix(b"uid:") {
            row.uid = number(uid);
        }
    }
}

fn find_last_quoted(text: &[u8]) -> &[u8] {
    let Some(text) = text.strip_suffix(b"\"") else { return b"" };
    let start = text.iter().rposition(|b| *b == b'"').map_or(0, |at| at + 1);
    text.get(start..).unwrap_or_default()
}

fn digits(text: &[u8]) -> Option<u32> {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    number(text.get(..end)?)
}

impl Row {
    /// The line of /proc/net/{tcp,udp,raw} that the kernel would show, and whether it is of IPv6;
    /// `None` for what is no such socket. `number` is the place in the table.
    pub(in crate::foreign) fn proc_line(
        &self,
        number: usize,
        inode: u64,
    ) -> Option<(bool, String)> {
        let (local, local_six) = address(&self.local)?;
        let (peer, peer_six) = address(&self.peer).unwrap_or_else(|| (zero(local_six), local_six));
        let state = match self.state.as_str() {
            "ESTAB" => 1,
            "SYN-SENT" => 2,
            "SYN-RECV" => 3,
            "FIN-WAIT-1" => 4,
            "FIN-WAIT-2" => 5,
            "TIME-WAIT" => 6,
            "UNCONN" | "CLOSED" => 7,
            "CLOSE-WAIT" => 8,
            "LAST-ACK" => 9,
            "LISTEN" => 10,
            "CLOSING" => 11,
            _ => return None,
        };
        let peer = if peer_six == local_six { peer } else { zero(local_six) };
        let (uid, send, receive) = (self.uid.unwrap_or(0), self.send, self.receive);
        Some((
            local_six,
            format!(
                "{number:4}: {local} {peer} {state:02X} {send:08X}:{receive:08X} 00:00000000 00000000 {uid:5}        0 {inode} 1 0000000000000000 100 0 0 10 0\n"
            ),
        ))
    }
}

/// The kernel's tables (`tcp`, `packet` …) that show these sockets. `inode` tells that of a
/// process's descriptor, for listings without inodes.
pub(in crate::foreign) fn tables(
    rows: &[Row],
    inode: &dyn Fn(u32, u32) -> Option<u64>,
) -> BTreeMap<&'static str, String> {
    let mut tables: BTreeMap<&'static str, String> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for row in rows {
        let held = || row.users.iter().find_map(|(_, pid, fd)| inode(*pid, *fd));
        let inode = row.inode.or_else(held).unwrap_or(0);
        let (table, line) = match row.protocol.as_str() {
            word @ ("p_raw" | "p_dgr") => {
                let kind = if word == "p_raw" { 3 } else { 2 };
                let receive = row.receive;
                let line = format!(
                    "0000000000000000 3      {kind}    0003   0     1 {receive} 0 {inode}\n"
                );
                ("packet", line)
            }
            word @ ("raw" | "tcp" | "udp") => {
                let Some((six, line)) = row.proc_line(seen.len(), inode) else { continue };
                let table = match (word, six) {
                    ("raw", false) => "raw",
                    ("raw", true) => "raw6",
                    ("tcp", false) => "tcp",
                    ("tcp", true) => "tcp6",
                    ("udp", false) => "udp",
                    _ => "udp6",
                };
                (table, line)
            }
            _ => continue,
        };
        // Several listings show the same socket.
        let nameless =
            if inode == 0 { [row.local.as_slice(), &row.peer].concat() } else { Vec::new() };
        if seen.insert((table, inode, nameless)) {
            tables.entry(table).or_insert_with(|| heading(table)).push_str(&line);
        }
    }
    tables
}

fn heading(table: &str) -> String {
    match table {
        "packet" => "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n".to_owned(),
        _ => "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n".to_owned(),
    }
}

fn zero(six: bool) -> String {
    if six { format!("{:032X}:0000", 0) } else { "00000000:0000".to_owned() }
}

/// `10.0.0.5:22`, `[::1]:22`, `*:6379`, `0.0.0.0%lo:53` as the kernel writes them.
fn address(text: &[u8]) -> Option<(String, bool)> {
    let text = std::str::from_utf8(text).ok()?;
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = if port == "*" { 0 } else { port.parse().ok()? };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = host.split('%').next()?.trim_end_matches(']');
    if host == "*" {
        return Some((format!("{:032X}:{port:04X}", 0), true));
    }
    match host.parse::<std::net::IpAddr>().ok()? {
        std::net::IpAddr::V4(four) => {
            Some((format!("{:08X}:{port:04X}", u32::from_le_bytes(four.octets())), false))
        }
        std::net::IpAddr::V6(six) => {
            let octets = six.octets();
            let groups: String = octets
                .chunks_exact(4)
                .filter_map(|c| <[u8; 4]>::try_from(c).ok())
                .map(|c| format!("{:08X}", u32::from_le_bytes(c)))
                .collect();
            Some((format!("{groups}:{port:04X}"), true))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used)]
    use super::*;

    #[test]
    fn holders_and_filters() {
        let rows = sockets(
            b"State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process\n\
            LISTEN 0      64           0.0.0.0:3956       0.0.0.0:*     users:((\"sshd\",pid=31,fd=3),(\"a)b\",pid=30,fd=4)) uid:33 ino:640 sk:1\n\
            p_raw UNCONN 0 0 *:* * users:((\"python3\",pid=17511,fd=3))\n\tbpf filter (3):  0x28 0 0 12,\n",
        );
        assert_eq!(rows[0].users, [(b"sshd".to_vec(), 31, 3), (b"a)b".to_vec(), 30, 4)]);
        assert_eq!((rows[0].uid, rows[0].inode), (Some(33), Some(640)));
        let (six, line) = rows[0].proc_line(0, 640).unwrap();
        assert!(!six && line.contains("00000000:0F74 00000000:0000 0A"), "{line}");
        assert_eq!(rows[1].protocol, "p_raw");
        assert!(rows[1].filter.is_some());
    }
}
