//! `ps` in any of its formats, by its heading.

use super::{after_words, lines, number, words};

/// A process as `ps` printed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::foreign) struct Row {
    pub pid: u32,
    pub ppid: Option<u32>,
    pub user: Option<Vec<u8>>,
    pub state: Option<u8>,
    pub nice: Option<i64>,
    /// KiB.
    pub size: Option<u64>,
    /// KiB.
    pub resident: Option<u64>,
    /// Seconds of processor time.
    pub cpu: Option<u64>,
    /// Start, as the five words of lstart: `Sun Nov 22 05:23:05 2026`.
    pub started: Option<Vec<u8>>,
    pub cgroup: Option<Vec<u8>>,
    /// All arguments, or `[comm]` where there are none.
    pub args: Option<Vec<u8>>,
    /// The name the kernel keeps.
    pub comm: Option<Vec<u8>>,
    /// The line, from 1.
    pub line: usize,
}

/// The rows under a heading.
pub(in crate::foreign) fn table(text: &[u8]) -> Vec<Row> {
    let mut numbered = lines(text).zip(1_usize..);
    let Some(heading) = numbered.by_ref().map(|(line, _)| line).find(|line| !line.is_empty())
    else {
        return Vec::new();
    };
    let columns: Vec<&[u8]> = words(heading).collect();
    if !columns.contains(&&b"PID"[..]) {
        return Vec::new();
    }
    numbered.filter_map(|(line, at)| row(&columns, line, at)).collect()
}

fn row(columns: &[&[u8]], line: &[u8], at: usize) -> Option<Row> {
    let mut row = Row { line: at, ..Row::default() };
    let mut place = 0;
    for column in columns {
        // The times of lstart have blanks.
        let width = if *column == b"STARTED" { 5 } else { 1 };
        let rest = after_words(line, place);
        let word = words(rest).next().unwrap_or_default();
        match *column {
            b"PID" => row.pid = number(word)?,
            b"PPID" => row.ppid = number(word),
            b"USER" | b"UID" => row.user = Some(word.to_vec()),
            b"STAT" | b"S" => row.state = word.first().copied(),
            b"NI" => row.nice = number(word),
            b"VSZ" => row.size = number(word),
            b"RSS" => row.resident = number(word),
            b"TIME" => row.cpu = duration(word),
            b"STARTED" => {
                let all: Vec<&[u8]> = words(rest).take(5).collect();
                row.started = (all.len() == 5).then(|| all.join(&b' '));
            }
            b"CGROUP" => row.cgroup = Some(rest.trim_ascii_end().to_vec()),
            b"COMMAND" | b"CMD" | b"ARGS" => {
                let rest = rest.trim_ascii_end();
                row.args = (!rest.is_empty()).then(|| rest.to_vec());
            }
            _ => {}
        }
        place += width;
    }
    Some(row)
}

/// `1-02:03:04`, `02:03:04`, `3:04`.
fn duration(word: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(word).ok()?;
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (days.parse::<u64>().ok()?, clock),
        None => (0, text),
    };
    let mut seconds = 0_u64;
    for part in clock.split(':') {
        let part: u64 = part.split('.').next()?.parse().ok()?;
        seconds = seconds.checked_mul(60)?.checked_add(part)?;
    }
    days.checked_mul(86_400)?.checked_add(seconds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn formats() {
        let aux = table(
            b"USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n\
            root          44  0.0  0.0   2500  2192 ?        SNl  05:23   1-00:00:07 [kworker/0:1] 600\n",
        );
        assert_eq!(aux[0].pid, 44);
        assert_eq!(aux[0].args.as_deref(), Some(&b"[kworker/0:1] 600"[..]));
        assert_eq!((aux[0].resident, aux[0].cpu), (Some(2192), Some(86_407)));
        let lstart = table(
            b"    PID USER                      STARTED COMMAND\n     44 root     Sun Nov 22 05:23:05 2026 a b\n",
        );
        assert_eq!(lstart[0].started.as_deref(), Some(&b"Sun Nov 22 05:23:05 2026"[..]));
        assert_eq!(lstart[0].args.as_deref(), Some(&b"a b"[..]));
        let ef = table(b"UID  PID PPID C STIME TTY TIME CMD\nroot 7 2 0 05:23 ? 00:00:00 x\n");
        assert_eq!(ef[0].ppid, Some(2));
    }
}
