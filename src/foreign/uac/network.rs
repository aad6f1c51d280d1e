//! live_response/network: the kernel's tables, and from `ss` what UAC does not take of them.

use super::Uac;
use crate::evidence::HostPath;
use crate::facts::Status;
use crate::foreign::output::{lines, number, split, ss};

const FOLDER: &str = "live_response/network";

impl Uac<'_> {
    /// Makes /proc/net.
    pub(super) fn network(&mut self) {
        self.host.directory(&HostPath::from("/proc/net"), None, false);
        let mut raw = false;
        for name in ["tcp", "tcp6", "udp", "udp6"] {
            raw |=
                self.copy(&format!("{FOLDER}/proc_net_{name}.txt"), &format!("/proc/net/{name}"));
        }
        self.unix();
        self.printed(!raw);
        if !raw {
            let why = "no tables of the kernel: sockets are those that ss printed";
            self.cover("sockets", Status::Partial, why);
        }
    }

    /// Every process shows the table of its namespace; the first one's is the host's.
    fn unix(&mut self) {
        let folder = [self.base, b"live_response/process/proc/"].concat();
        let mut pids: Vec<u32> = self
            .spool
            .below(&folder)
            .filter_map(|(rest, ..)| {
                let (pid, rest) = split(rest, b"/")?;
                (rest == b"net/unix.txt").then(|| number(pid)).flatten()
            })
            .collect();
        pids.sort_unstable();
        if let Some(pid) = pids.first() {
            self.copy(&format!("live_response/process/proc/{pid}/net/unix.txt"), "/proc/net/unix");
        }
    }

    /// What `ss` printed: packet and raw sockets, and all others where the kernel's tables are not
    /// there.
    fn printed(&mut self, all: bool) {
        let names = ["ss_-anp.txt", "ss_-0bp.txt", "ss_-tanp.txt", "ss_-uanp.txt"];
        let mut tables: std::collections::BTreeMap<&str, (String, String)> = Default::default();
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            let Some((text, member)) = self.member(&format!("{FOLDER}/{name}")) else { continue };
            for row in ss::sockets(text) {
                let protocol = match (row.protocol.as_str(), name) {
                    ("", "ss_-tanp.txt") => "tcp",
                    ("", "ss_-uanp.txt") => "udp",
                    (known, _) => known,
                };
                let inodes: Vec<u64> =
                    row.users.iter().filter_map(|(_, pid, fd)| self.inode(*pid, *fd)).collect();
                let inode = row.inode.or_else(|| inodes.first().copied()).unwrap_or(0);
                let (table, line) = match protocol {
                    "p_raw" | "p_dgr" => {
                        let kind = if protocol == "p_raw" { 3 } else { 2 };
                        (
                            "packet",
                            format!(
                                "0000000000000000 3      {kind}    0003   0     1 {} 0 {inode}\n",
                                row.receive
                            ),
                        )
                    }
                    "tcp" | "udp" if !all => continue,
                    "raw" | "tcp" | "udp" => {
                        let number =
                            tables.get(protocol).map_or(0, |(text, _)| text.lines().count());
                        let Some((six, line)) = row.proc_line(number, inode) else { continue };
                        let table = match (protocol, six) {
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
                let key = (table, inode, if inode == 0 { line.clone() } else { String::new() });
                if seen.insert(key) {
                    let entry =
                        tables.entry(table).or_insert_with(|| (heading(table), member.clone()));
                    entry.0.push_str(&line);
                }
            }
        }
        for (table, (text, member)) in tables {
            self.host.proc(&format!("/proc/net/{table}"), text.into_bytes(), &member);
        }
    }

    /// The socket that a descriptor leads to.
    fn inode(&self, pid: u32, fd: u32) -> Option<u64> {
        let (text, _) = self.member(&format!("live_response/process/proc/{pid}/fd.txt"))?;
        let mark = format!(" {fd} -> socket:[");
        lines(text).find_map(|line| {
            let (_, rest) = split(line, mark.as_bytes())?;
            number(rest.strip_suffix(b"]")?)
        })
    }
}

fn heading(table: &str) -> String {
    match table {
        "packet" => "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n".to_owned(),
        _ => "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n".to_owned(),
    }
}
