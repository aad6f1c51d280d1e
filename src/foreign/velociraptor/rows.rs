//! Rows of artifacts: `results/<Artifact>[%2F<Source>].json`, an object a line.

use super::{Collection, number, objects, text, time};
use crate::evidence::{FileKind, HostPath, Pid, ToldDigests};
use crate::facts::{HostText, Status, Time};
use crate::foreign::output::{ps, ss};
use crate::foreign::process::{self, Seen};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

impl Collection<'_> {
    /// The rows of all artifacts whose name begins so, with the member.
    fn artifact(&self, name: &str) -> Vec<(Value, String)> {
        let mut found = Vec::new();
        for folder in ["results/", ""] {
            let start = [self.base, folder.as_bytes(), name.as_bytes()].concat();
            for (rest, full, member) in self.spool.below(&start) {
                let of_it = matches!(rest.first(), Some(b'.' | b'%' | b'/'));
                if !of_it || !rest.ends_with(b".json") {
                    continue;
                }
                let shown = HostText::from(full).escaped();
                let rows = member.bytes().unwrap_or_default();
                found.extend(
                    objects(rows)
                        .zip(1_usize..)
                        .map(|(row, line)| (row, format!("{shown}:{line}"))),
                );
            }
        }
        found
    }

    pub(super) fn rows(&mut self, booted: Option<Time>) {
        let mut all: BTreeMap<Pid, Seen> = BTreeMap::new();
        self.processes(&mut all);
        self.mappings(&mut all);
        if all.is_empty() {
            for what in ["processes", "open_files", "mappings"] {
                self.cover(
                    what,
                    Status::NotCaptured,
                    "no listing of processes among the artifacts",
                );
            }
        }
        let users = HashMap::new();
        process::assemble(&mut self.host, booted, users, &all);
        self.sockets();
        self.crontabs();
        self.dumps(&all);
    }

    fn processes(&mut self, all: &mut BTreeMap<Pid, Seen>) {
        for (row, origin) in self.artifact("Linux.Sys.Pslist") {
            let Some(pid) = number(&row, &["Pid", "pid"]).and_then(|n| u32::try_from(n).ok())
            else {
                continue;
            };
            let args = text(&row, &["CommandLine", "Cmdline"]);
            let name = text(&row, &["Name", "name"]).unwrap_or_default();
            let parent = number(&row, &["Ppid", "ppid"]).and_then(|n| u32::try_from(n).ok());
            let exe = text(&row, &["Exe", "exe"]);
            let seen = all.entry(pid).or_default();
            let listed =
                ps::Row {
                    pid,
                    ppid: parent,
                    user: text(&row, &["Username"]).map(|u| u.as_bytes().to_vec()),
                    resident: number(&row, &["RSS"]).map(|bytes| bytes / 1024),
                    args: Some(args.map_or_else(
                        || format!("[{name}]").into_bytes(),
                        |a| a.as_bytes().to_vec(),
                    )),
                    comm: Some(name.bytes().take(15).collect()),
                    ..ps::Row::default()
                };
            seen.started = row.get("CreateTime").and_then(time);
            seen.ps = Some((listed, origin.clone()));
            let line =
                args.map_or_else(Vec::new, |args| process::arguments(Some(args.as_bytes()), b""));
            seen.raw.insert("cmdline", (line, origin.clone()));
            if let Some(exe) = exe {
                let deleted = row.get("Deleted").and_then(Value::as_bool) == Some(true)
                    && !exe.ends_with(" (deleted)");
                let link = if deleted { format!("{exe} (deleted)") } else { exe.to_owned() };
                seen.exe = Some((link.into_bytes(), origin.clone()));
            }
            if let Some(hash) = row.get("Hash") {
                let of = |name| text(hash, &[name]).map(str::to_lowercase);
                let digests =
                    ToldDigests { md5: of("MD5"), sha1: of("SHA1"), sha256: of("SHA256") };
                self.host.told.executables.insert(pid, digests);
            }
        }
    }

    /// Linux.Sys.Maps calls the offset `Size`.
    fn mappings(&self, all: &mut BTreeMap<Pid, Seen>) {
        let mut made: BTreeMap<Pid, (Vec<u8>, String)> = BTreeMap::new();
        for (row, origin) in self.artifact("Linux.Sys.Maps") {
            let pid = number(&row, &["Pid", "pid"]).and_then(|n| u32::try_from(n).ok());
            let (Some(pid), Some(start), Some(end)) =
                (pid, text(&row, &["StartHex"]), text(&row, &["EndHex"]))
            else {
                continue;
            };
            let plain = |hex: &str| hex.trim_start_matches("0x").to_lowercase();
            let offset = text(&row, &["Size"]).map_or_else(|| "0".to_owned(), plain);
            let file = text(&row, &["Filename"]).unwrap_or_default();
            let gone = row.get("Deleted").and_then(Value::as_bool) == Some(true);
            let mark = if gone && !file.ends_with(" (deleted)") { " (deleted)" } else { "" };
            let perms = text(&row, &["Perm"]).unwrap_or("r--p");
            let line =
                format!("{}-{} {perms} {offset} 00:00 1 {file}{mark}\n", plain(start), plain(end));
            let (maps, _) = made.entry(pid).or_insert_with(|| (Vec::new(), origin));
            maps.extend_from_slice(line.as_bytes());
        }
        for (pid, maps) in made {
            if let Some(seen) = all.get_mut(&pid) {
                seen.raw.insert("maps", maps);
            }
        }
    }

    /// Listings of connections, as the kernel's tables. Who holds a socket, the rows tell: the
    /// descriptor they do not, so one of our own stands for it.
    fn sockets(&mut self) {
        self.host.directory(&HostPath::from("/proc/net"), None, false);
        let mut rows = Vec::new();
        let (mut member, mut inode) = (String::new(), 1_u64 << 40);
        for (row, origin) in self
            .artifact("Linux.Network.Netstat")
            .into_iter()
            .chain(self.artifact("Linux.Network.NetstatEnriched"))
        {
            let (Some(local), Some(state)) =
                (text(&row, &["LocalAddr", "Laddr"]), text(&row, &["State", "Status"]))
            else {
                continue;
            };
            let port = |names: &[&str]| number(&row, names).unwrap_or(0);
            let remote = text(&row, &["RemoteAddr", "Raddr"]).unwrap_or("0.0.0.0");
            let address = |host: &str, port: u64| {
                if host.contains(':') {
                    format!("[{host}]:{port}")
                } else {
                    format!("{host}:{port}")
                }
                .into_bytes()
            };
            let state = match state.to_ascii_uppercase().as_str() {
                "ESTABLISHED" | "ESTAB" => "ESTAB",
                "LISTEN" => "LISTEN",
                "SYN_SENT" | "SYN SENT" => "SYN-SENT",
                "SYN_RECV" => "SYN-RECV",
                "TIME_WAIT" | "TIME WAIT" => "TIME-WAIT",
                "CLOSE_WAIT" | "CLOSE WAIT" => "CLOSE-WAIT",
                "FIN_WAIT1" => "FIN-WAIT-1",
                "FIN_WAIT2" => "FIN-WAIT-2",
                "LAST_ACK" => "LAST-ACK",
                "CLOSING" => "CLOSING",
                _ => "CLOSED",
            };
            inode += 1;
            let number_of = number(&row, &["inode", "Inode"]).filter(|n| *n > 0).unwrap_or(inode);
            let info = row.get("ProcessInfo");
            let holder =
                info.and_then(|info| number(info, &["Pid"])).or_else(|| number(&row, &["Pid"]));
            if let Some(pid) = holder.and_then(|pid| u32::try_from(pid).ok()) {
                self.hold(pid, number_of, &origin);
            }
            member = origin;
            rows.push(ss::Row {
                protocol: text(&row, &["Type"])
                    .filter(|t| t.starts_with("udp"))
                    .map_or("tcp", |_| "udp")
                    .to_owned(),
                state: state.to_owned(),
                local: address(local, port(&["LocalPort", "Lport"])),
                peer: address(remote, port(&["RemotePort", "Rport"])),
                inode: Some(number_of),
                uid: number(&row, &["uid", "Uid"]).and_then(|n| u32::try_from(n).ok()),
                ..ss::Row::default()
            });
        }
        if rows.is_empty() {
            self.cover(
                "sockets",
                Status::NotCaptured,
                "no listing of connections among the artifacts",
            );
        }
        for (table, text) in ss::tables(&rows, &|_, _| None) {
            self.host.proc(&format!("/proc/net/{table}"), text.into_bytes(), &member);
        }
    }

    fn hold(&mut self, pid: Pid, inode: u64, origin: &str) {
        let process = HostPath::from(format!("/proc/{pid}").as_str());
        if self.host.find(&process, true).is_none() {
            return;
        }
        // Numbers above those that the kernel gives without being told.
        let fd = 1_000_000_000 + inode % 1_000_000_000;
        let path = process.join(format!("fd/{fd}"));
        let stat = self.host.stat(FileKind::Socket, 0o700);
        let to = self.host.nameless_special(&stat);
        self.host.lead(&path, format!("socket:[{inode}]").as_bytes(), to, 0o700);
        self.host.whole_below(&process.join("fd"), true);
        self.host.origin(&path, origin);
    }

    /// A user's own crontab has no field for the user: the first word of its command lands in
    /// `User`, and goes back where it was.
    fn crontabs(&mut self) {
        let mut made: BTreeMap<String, (String, String)> = BTreeMap::new();
        for (row, origin) in self.artifact("Linux.Sys.Crontab") {
            let (Some(file), Some(command)) =
                (text(&row, &["File", "OSPath", "FullPath"]), text(&row, &["Command"]))
            else {
                continue;
            };
            if !file.starts_with('/') || self.host.bytes(&HostPath::from(file)).is_some() {
                continue;
            }
            let user = text(&row, &["User"]).unwrap_or_default();
            let field = |name: &str| text(&row, &[name]).unwrap_or("*").to_owned();
            let when = match text(&row, &["Event"]) {
                Some(event) => event.to_owned(),
                None => ["Minute", "Hour", "DayOfMonth", "Month", "DayOfWeek"].map(field).join(" "),
            };
            let entry = made.entry(file.to_owned()).or_insert_with(|| (String::new(), origin));
            entry.0.push_str(&format!("{when} {user} {command}\n"));
        }
        for (path, (text, origin)) in made {
            let path = HostPath::from(path.as_str());
            let mut stat = self.host.stat(FileKind::File, 0o644);
            stat.size = text.len() as u64;
            let body = crate::evidence::Body::Bytes(text.into_bytes().into());
            self.host.file(&path, &stat, body);
            self.host.origin(
                &path,
                origin.rsplit_once(':').map_or(origin.as_str(), |(member, _)| member),
            );
        }
    }
}
