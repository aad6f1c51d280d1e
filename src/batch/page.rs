//! fleet.html: one page, no scripts, nothing loaded from elsewhere.

use super::Fleet;
use crate::report::escape::visible;
use std::fmt::Write;

/// Hosts and shared things shown; all of them are in fleet.json and fleet.db.
const MOST: usize = 2_000;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;\
color:#1c1c1c;background:#fff}table{border-collapse:collapse;width:100%;margin:1rem 0}\
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #ddd;overflow-wrap:anywhere}\
.critical{color:#a00020;font-weight:700}.high{color:#b34700;font-weight:700}.medium{color:#8a6d00}\
small{color:#555}@media(prefers-color-scheme:dark){body{background:#161616;color:#e8e8e8}th,td{border-color:#333}\
small{color:#aaa}.critical{color:#ff6b81}.high{color:#ff9e57}.medium{color:#e8c84a}a{color:#8ab4ff}}";

/// Text of a host's choosing, made harmless to a page.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The page.
pub(super) fn html(fleet: &Fleet) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>davy: {} hosts</title><style>{STYLE}</style><h1>{} hosts</h1>",
        fleet.hosts.len(),
        fleet.hosts.len()
    );
    // Writing to a String cannot fail.
    let _ = (|| -> std::fmt::Result {
        write!(page, "<p>")?;
        for (level, count) in &fleet.levels {
            write!(page, "<span class=\"{0}\">{1} {0}</span> · ", safe(level), count)?;
        }
        write!(page, "{} put aside</p>", fleet.put_aside.len())?;
        if fleet.put_aside.is_empty() {
            page.push('\n');
        } else {
            write!(page, "<h2>Put aside</h2><table><tr><th>Archive<th>Why")?;
            for one in fleet.put_aside.iter().take(MOST) {
                write!(page, "<tr><td>{}<td>{}", safe(&one.archive), safe(&one.reason))?;
            }
            writeln!(page, "</table>")?;
        }
        write!(page, "<h2>Hosts, worst first</h2><table><tr><th>Host<th>Verdict<th>Findings")?;
        for host in fleet.hosts.iter().take(MOST) {
            let name = if host.host.is_empty() { &host.archive } else { &host.host };
            write!(
                page,
                "<tr><td><a href=\"{}/report.html\">{}</a><br><small>{}</small><td><span class=\"{}\">{}</span><br>{}<td>",
                safe(&host.case),
                safe(name),
                safe(&host.taken),
                safe(&host.level),
                safe(&host.level),
                safe(&host.summary)
            )?;
            for found in host.findings.iter().take(8) {
                let shown = match found.rarity {
                    "" => String::new(),
                    word => format!(" <small>({word}: {} hosts)</small>", found.hosts),
                };
                write!(
                    page,
                    "<span class=\"{0}\">{0}</span> {1}{shown}<br>",
                    safe(&found.found.level),
                    safe(&found.found.title)
                )?;
            }
            if host.findings.len() > 8 {
                write!(page, "<small>and {} more</small>", host.findings.len() - 8)?;
            }
        }
        writeln!(page, "</table>")?;
        write!(
            page,
            "<h2>What several hosts share</h2><table><tr><th>What<th>Hosts<th>First seen"
        )?;
        for one in fleet.shared.iter().take(MOST) {
            let some: Vec<&str> = one.hosts.iter().take(12).map(String::as_str).collect();
            write!(
                page,
                "<tr><td><small>{}</small><br>{}<td>{}: {}<td>{}<br><small>{}</small>",
                safe(&one.kind),
                safe(&one.value),
                one.hosts.len(),
                safe(&some.join(", ")),
                safe(&one.first),
                safe(&one.first_host)
            )?;
        }
        writeln!(page, "</table></html>")
    })();
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Record;

    #[test]
    fn a_hosts_name_is_text() {
        let mut record =
            Record::put_aside("k", "<script>alert(1)</script>", "s", "\u{202e}x".into());
        let page = html(&Fleet::of(std::slice::from_ref(&record)));
        assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"));
        assert!(!page.contains('\u{202e}'));
        record.status = crate::batch::Status::Done;
        record.host = "\"><img src=x>".into();
        assert!(!html(&Fleet::of(&[record])).contains("<img"));
    }
}
