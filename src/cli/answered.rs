//! What a hunt or a query was asked with, and what is said beside its rows: that there are more of
//! them, and that a number in them is a least.

use crate::facts::Facts;
use crate::judge::{self, Parameter, Playbook, Rows};
use rusqlite::types::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::IpAddr;

/// What gave the rows.
pub struct Given<'a> {
    pub facts: &'a Facts,
    pub playbook: &'a Playbook,
    pub params: &'a BTreeMap<String, String>,
    /// Whether logs were kept only as far as the first rows need them.
    pub folded: bool,
}

/// Says what the rows do not.
pub fn tell(found: &Rows, given: &Given<'_>, messages: &mut dyn Write) {
    let id = &given.playbook.id.text;
    let head = if id.is_empty() { "the query".to_owned() } else { id.clone() };
    let shown = found.rows.len();
    let limited = most(given.playbook, given.params) == Some(shown);
    if found.cut || limited && shown > 0 {
        let remedy = match (limited, id.is_empty()) {
            (true, _) => "; --set most=N shows more",
            (false, true) => "; a condition or LIMIT in the query chooses among them",
            _ => "",
        };
        let all = if given.folded {
            None
        } else {
            judge::count(given.facts, given.playbook, given.params)
        };
        let _ = match all {
            // All of them are there.
            Some(all) if all <= shown as u64 => Ok(()),
            Some(all) => {
                writeln!(messages, "davy: {head}: {shown} of {all} rows are shown{remedy}")
            }
            None => writeln!(
                messages,
                "davy: {head}: the first {shown} rows are shown, there may be more{remedy}"
            ),
        };
    }
    let full = |value: &Value| *value == Value::Integer(i64::MAX);
    let of_rows = |at: usize| found.rows.iter().any(|row| row.get(at).is_some_and(full));
    let columns: Vec<&str> = (0..found.columns.len())
        .filter(|at| of_rows(*at))
        .filter_map(|at| found.columns.get(at).map(String::as_str))
        .collect();
    if !columns.is_empty() {
        let _ = writeln!(
            messages,
            "davy: {head}: {} reached the greatest number that is counted to ({}) and may be more: \
             a log holds a count that no connection has",
            columns.join(", "),
            i64::MAX
        );
    }
}

fn most(playbook: &Playbook, params: &BTreeMap<String, String>) -> Option<usize> {
    match (params.get("most"), playbook.params.get("most")) {
        (Some(given), _) => given.parse().ok(),
        (None, Some(Parameter::Integer(most))) => usize::try_from(*most).ok(),
        _ => None,
    }
}

/// Whether parameters are what they must be: an answer to no address, or to something that is none,
/// would be empty, and look like a no.
pub fn sound(playbook: &Playbook, params: &BTreeMap<String, String>) -> Result<(), String> {
    let id = &playbook.id.text;
    for (name, value) in params {
        match name.as_str() {
            "ip" if !value.is_empty() && value.parse::<IpAddr>().is_err() => {
                return Err(format!("{id}: ip={value} is no address"));
            }
            "depth" if !value.parse::<i64>().is_ok_and(|depth| (1..=32).contains(&depth)) => {
                return Err(format!("{id}: depth={value}: a number from 1 to 32 is wanted"));
            }
            "port"
                if !value.is_empty() && !value.parse::<i64>().is_ok_and(|port| port <= 65_535) =>
            {
                return Err(format!("{id}: port={value} is no port"));
            }
            _ => {}
        }
    }
    let asked = params.get("ip").is_some_and(|ip| !ip.is_empty());
    if matches!(playbook.params.get("ip"), Some(Parameter::Text(none)) if none.is_empty())
        && about_one(&playbook.query.text)
        && !asked
    {
        return Err(format!("{id} is about one address: --set ip=ADDRESS says which"));
    }
    Ok(())
}

/// Whether a query is made for the address that it is given: what it could have come to.
fn about_one(sql: &str) -> bool {
    sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|word| matches!(word, "reach" | "paths"))
}
