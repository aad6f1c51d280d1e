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
        for name in ["ss_-anp.txt", "ss_-0bp.txt", "ss_-tanp.txt", "ss_-uanp.txt"] {
            let Some((text, member)) = self.member(&format!("{FOLDER}/{name}")) else { continue };
            let mut rows = ss::sockets(text);
            for row in rows.iter_mut().filter(|row| row.protocol.is_empty()) {
                row.protocol = if name == "ss_-uanp.txt" { "udp" } else { "tcp" }.to_owned();
            }
            let tables = ss::tables(&rows, &|pid, fd| self.inode(pid, fd));
            for (table, text) in tables {
                let kernel = matches!(table, "tcp" | "tcp6" | "udp" | "udp6");
                let path = HostPath::from(format!("/proc/net/{table}").as_str());
                // The first listing that shows sockets of a kind shows all of them.
                if (all || !kernel) && self.host.find(&path, true).is_none() {
                    self.host.proc(&format!("/proc/net/{table}"), text.into_bytes(), &member);
                }
            }
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
