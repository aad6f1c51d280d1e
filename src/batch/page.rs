//! fleet.html: one page, no scripts, nothing loaded from elsewhere.

use super::Fleet;
use super::fleet::{FleetFinding, HostLine, grave};
use crate::report::escape::markup as safe;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Hosts and shared things shown; all of them are in fleet.json and fleet.db.
const MOST: usize = 2_000;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;\
color:#1c1c1c;background:#fff}table{border-collapse:collapse;width:100%;table-layout:fixed;margin:1rem 0}\
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #ddd;overflow-wrap:anywhere}\
th:first-child{width:18%}.hosts th:nth-child(2){width:34%}.shared th:first-child{width:54%}.shared th:last-child{width:20%}\
ul{margin:0;padding:0;list-style:none}nav a{margin-right:1rem}\
.critical{color:#a00020;font-weight:700}.high{color:#b34700;font-weight:700}.medium{color:#8a6d00}\
.determined{color:#5b3fa0;font-weight:700}.host{border-top:2px solid #888}.further td{border-top:1px dotted #bbb;font-size:90%}.further td:first-child{padding-left:1.8rem}\
small{color:#555}@media(max-width:44rem){table,tbody,tr,td{display:block;width:auto}tbody:first-of-type>tr:first-child{display:none}\
td,.further td{border:0;padding:.1rem 0}.host>tr:first-child{display:block}tr{border-bottom:1px solid #ddd;padding:.7rem 0}}\
@media(prefers-color-scheme:dark){body{background:#161616;color:#e8e8e8}th,td,tr{border-color:#333}\
small{color:#aaa}.critical{color:#ff6b81}.high{color:#ff9e57}.medium{color:#e8c84a}.determined{color:#b9a3ff}a{color:#8ab4ff}}";

/// The page.
pub(super) fn html(fleet: &Fleet) -> String {
    let heading = fleet.heading();
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>davy: {heading}</title><style>{STYLE}</style><h1>{heading}</h1>"
    );
    // Writing to a String cannot fail.
    let _ = summary(fleet, &mut page)
        .and_then(|()| incomplete(fleet, &mut page))
        .and_then(|()| aside(fleet, &mut page))
        .and_then(|()| hosts(fleet, &mut page))
        .and_then(|()| shared(fleet, &mut page));
    page.push_str("</html>\n");
    page
}

fn summary(fleet: &Fleet, page: &mut String) -> std::fmt::Result {
    let mut levels: Vec<(&String, &usize)> = fleet.levels.iter().collect();
    levels.sort_by_key(|(level, _)| grave(level));
    write!(page, "<p>")?;
    for (level, count) in levels {
        write!(page, "<span class=\"{0}\">{1} {0}</span> · ", safe(level), count)?;
    }
    write!(page, "{} put aside</p><nav>", fleet.put_aside.len())?;
    for (id, name, some) in [
        ("aside", "Put aside", !fleet.put_aside.is_empty()),
        ("hosts", "Hosts", true),
        ("shared", "What several hosts share", !fleet.shared.is_empty()),
    ] {
        if some {
            write!(page, "<a href=\"#{id}\">{name}</a>")?;
        }
    }
    writeln!(page, "</nav>")?;
    match fleet.no_archives.said() {
        Some(said) => writeln!(page, "<p><small>{}</small></p>", safe(&said)),
        None => Ok(()),
    }
}

fn incomplete(fleet: &Fleet, page: &mut String) -> std::fmt::Result {
    if fleet.incomplete.is_empty() {
        return Ok(());
    }
    write!(
        page,
        "<p class=\"high\">Not the whole fleet: parts of it are missing here, and nothing is "
    )?;
    write!(page, "known of their hosts.</p><ul>")?;
    for gap in fleet.incomplete.iter().take(MOST) {
        write!(page, "<li>{}", safe(&gap.said))?;
    }
    writeln!(page, "</ul>")
}

fn aside(fleet: &Fleet, page: &mut String) -> std::fmt::Result {
    if fleet.put_aside.is_empty() {
        return Ok(());
    }
    write!(page, "<h2 id=\"aside\">Put aside</h2><p>Nothing is known of these hosts. ")?;
    write!(
        page,
        "<code>davy batch SOURCE… -o DIR --again</code>, with what the run was given that put "
    )?;
    write!(page, "them aside, tries them once more: it says the whole command at its end.</p>")?;
    write!(page, "<table><tr><th>Archive<th>Why")?;
    for one in fleet.put_aside.iter().take(MOST) {
        write!(page, "<tr><td>{}<td>{}", safe(&one.archive), safe(&one.reason))?;
    }
    writeln!(page, "</table>{}", more(fleet.put_aside.len()))
}

fn hosts(fleet: &Fleet, page: &mut String) -> std::fmt::Result {
    write!(page, "<h2 id=\"hosts\">Hosts, worst first</h2>")?;
    write!(page, "<table class=\"hosts\"><tr><th>Host<th>Verdict<th>Findings")?;
    let mut before = None;
    for host in fleet.hosts.iter().take(MOST) {
        let name = if host.host.is_empty() { &host.archive } else { &host.name };
        let further = before.replace(&host.name) == Some(&host.name);
        if further {
            // Below the host's worst archive, and less loud: the same host once more.
            write!(page, "<tr class=\"further\"><td><small>the same host</small><br>")?;
        } else {
            write!(page, "<tbody class=\"host\"><tr><td>")?;
        }
        write!(
            page,
            "<a href=\"{}/report.html\">{}</a><br><small>{}<br>{}</small>\
             <td><span class=\"{4}\">{4}</span><br>{5}",
            safe(&host.case),
            safe(name),
            safe(&host.archive),
            safe(&host.taken),
            safe(&host.level),
            safe(&host.summary)
        )?;
        if !host.damage.is_empty() {
            write!(page, "<br><strong>Not whole:</strong> {}", safe(&host.damage))?;
        }
        write!(page, "<td><ul>")?;
        let findings = folded(host);
        for (found, times) in findings.iter().take(8) {
            write!(page, "<li><span class=\"{0}\">{0}</span> ", safe(&found.found.level))?;
            write!(page, "{}", safe(&found.found.title))?;
            if *times > 1 {
                write!(page, " ({times})")?;
            }
            if !found.found.subject.is_empty() {
                write!(page, " <small>{}</small>", safe(&found.found.subject))?;
            }
            if !found.rarity.is_empty() {
                write!(page, " <small>· {}: {} hosts</small>", found.rarity, found.hosts)?;
            }
        }
        if findings.len() > 8 {
            write!(page, "<li><small>and {} more</small>", findings.len() - 8)?;
        }
        write!(page, "</ul>")?;
    }
    writeln!(page, "</table>{}", more(fleet.hosts.len()))
}

/// A host's findings, those of one kind as one with their number.
fn folded(host: &HostLine) -> Vec<(&FleetFinding, usize)> {
    let mut all: Vec<(&FleetFinding, usize)> = Vec::new();
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for found in &host.findings {
        let kind = (found.found.playbook.as_str(), found.found.level.as_str());
        let place = *places.entry(kind).or_insert(all.len());
        match all.get_mut(place) {
            Some((_, times)) => *times += 1,
            None => all.push((found, 1)),
        }
    }
    all
}

fn shared(fleet: &Fleet, page: &mut String) -> std::fmt::Result {
    if fleet.shared.is_empty() {
        return Ok(());
    }
    write!(
        page,
        "<h2 id=\"shared\">What several hosts share</h2><p>Of what findings rest on.</p>"
    )?;
    write!(page, "<table class=\"shared\"><tr><th>What<th>Hosts<th>First seen")?;
    for one in fleet.shared.iter().take(MOST) {
        let some: Vec<&str> = one.hosts.iter().take(12).map(String::as_str).collect();
        let rest = if one.hosts.len() > some.len() { " …" } else { "" };
        let kind = match one.kind.as_str() {
            "sha256" => "SHA-256 of a file",
            "md5" => "MD5 of a file",
            kind => kind,
        };
        let mut files = String::new();
        for path in one.paths.iter().take(12) {
            write!(files, "<br><small>{}</small>", safe(path))?;
        }
        if one.paths.len() > 12 {
            write!(files, "<br><small>and {} more paths</small>", one.paths.len() - 12)?;
        }
        write!(
            page,
            "<tr><td><small>{}</small><br>{}{files}<td>{}: {}{rest}<td>{}<br><small>{}</small>",
            safe(kind),
            safe(&one.value),
            one.hosts.len(),
            safe(&some.join(", ")),
            safe(&one.first),
            safe(&one.first_host)
        )?;
    }
    writeln!(page, "</table>{}", more(fleet.shared.len()))
}

/// What the page leaves out is said.
fn more(count: usize) -> String {
    match count.checked_sub(MOST).filter(|rest| *rest > 0) {
        Some(rest) => format!("<p>{rest} more are in fleet.json and fleet.db.</p>"),
        None => String::new(),
    }
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
