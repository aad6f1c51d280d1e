//! Gaps with one cause as one line: a process that may not be read makes a gap of every table.

use crate::report::CoverageLine;
use std::collections::BTreeMap;

/// Lines of the report: the names that share a cause, and the first of the lines.
pub(super) fn together<'a>(gaps: &[&'a CoverageLine]) -> Vec<(Vec<&'a str>, &'a CoverageLine)> {
    let mut places: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut lines: Vec<(Vec<&str>, &CoverageLine)> = Vec::new();
    for gap in gaps {
        let Some(cause) = cause(&gap.detail) else {
            lines.push((vec![&gap.what], gap));
            continue;
        };
        let place = *places.entry((&gap.status, cause)).or_insert(lines.len());
        match lines.get_mut(place) {
            Some((names, _)) => names.push(&gap.what),
            None => lines.push((vec![&gap.what], gap)),
        }
    }
    lines
}

/// What was missed and of which process, whatever file of it and however many were read:
/// `1 denied, as /proc/1` of `5 read; 1 denied, as /proc/1/exe: denied`.
fn cause(detail: &str) -> Option<String> {
    let parts: Vec<&str> = detail.split("; ").filter(|part| !part.ends_with(" read")).collect();
    let [one] = parts.as_slice() else { return None };
    let (before, path) = one.split_once("/proc/")?;
    let pid = path.split('/').next().filter(|pid| pid.bytes().all(|b| b.is_ascii_digit()))?;
    Some(format!("{before}/proc/{pid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_that_may_not_be_read_is_one_line() {
        let line = |what: &str, detail: &str| CoverageLine {
            what: what.to_owned(),
            status: "partial".to_owned(),
            detail: detail.to_owned(),
        };
        let all = [
            line("processes.cwd", "5 read; 1 denied, as /proc/1/cwd: denied"),
            line("processes.exe", "7 read; 1 denied, as /proc/1/exe: denied"),
            line("mounts", "half of it"),
            line("open_files", "1 denied, as /proc/12/fd: denied"),
        ];
        let names: Vec<Vec<&str>> =
            together(&all.iter().collect::<Vec<_>>()).into_iter().map(|(names, _)| names).collect();
        assert_eq!(
            names,
            [vec!["processes.cwd", "processes.exe"], vec!["mounts"], vec!["open_files"]]
        );
    }
}
