//! Scripts below the folders that web servers serve: lines that hand what a request carries to something
//! that runs it.

mod php;
mod walk;

use super::{Collector, Host, Outcome, Run};
use crate::evidence::HostPath;
use crate::facts::{Facts, HostText, Status, Table, Time};
use walk::Walk;

crate::table! {
    pub struct WebCode in web_code, "Lines of scripts in web roots that run what a request carries, or what they decode: one row for a script and what it calls.";
    path: HostPath, "", "The script.";
    line: u32, "", "The first such line, from 1.";
    calls: HostText, "", "What runs it: eval, system, `a variable` (a function named by the request) …";
    input: Option<HostText>, "", "What of the request it is: $_POST, getParameter …; NULL where it is code that the script decodes.";
    decodes: bool, "", "It is decoded first: base64, rot13, deflate.";
    escapes: bool, "", "It is escaped for a shell, or made a number, first.";
    text: HostText, "", "The line, at most 256 bytes around it.";
    size: u64, "bytes", "Size of the script.";
    uid: u32, "", "Owner.";
    mode: u32, "", "Type and permission bits.";
    mtime: Option<Time>, "", "Content last changed.";
    ctime: Option<Time>, "", "Inode last changed.";
    btime: Option<Time>, "", "File made.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "web scripts", tables: &[WebCode::DEF], run: Run::Host(collect) };

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let mut walk = Walk::new(host.root.as_ref());
    let scripts = walk.scripts();
    let mut unread = None;
    for (path, stat) in scripts {
        let mut bytes = Vec::new();
        if let Err(why) = host.root.read(&path, walk::MOST_BYTES, &mut bytes) {
            walk.seen.unread += 1;
            unread.get_or_insert(why);
            continue;
        }
        walk.seen.read += 1;
        for (found, nth) in php::found(&bytes).into_iter().zip(1_u32..) {
            let row = WebCode {
                path: path.clone(),
                line: found.line,
                calls: found.calls,
                input: found.input,
                decodes: found.decodes,
                escapes: found.escapes,
                text: found.text,
                size: stat.size,
                uid: stat.uid,
                mode: stat.mode,
                mtime: stat.mtime,
                ctime: stat.ctime,
                btime: stat.btime,
            };
            let key = if nth > 1 { format!("{path}#{nth}") } else { path.to_string() };
            facts.insert(key, &format!("{path}:{}", row.line), &row)?;
        }
    }
    let mut detail = walk.seen.words();
    if let Some(why) = unread {
        detail += &format!("; {} not read, as {why}", walk.seen.unread);
    }
    let status = match (walk.seen.uncaptured(), walk.seen.whole()) {
        (true, _) => Status::NotCaptured,
        (false, true) => Status::Complete,
        (false, false) => Status::Partial,
    };
    let pieces = walk.seen.pieces();
    facts.cover_counted("web_code", status, detail, pieces)
}
