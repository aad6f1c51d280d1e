//! /proc/PID/stat.

/// What davy takes from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::collect) struct ProcStat {
    /// The name, at most 15 bytes (63 for a kernel thread), any bytes but NUL.
    pub comm: Vec<u8>,
    /// R, S, D, Z …
    pub state: u8,
    pub ppid: u32,
    pub pgrp: i64,
    pub session: i64,
    pub tty: i64,
    pub flags: u64,
    /// User and system time, in ticks.
    pub ticks: u64,
    pub nice: i64,
    pub threads: i64,
    /// Ticks since boot.
    pub started: u64,
}

/// The kernel's own mark of its threads.
const PF_KTHREAD: u64 = 0x0020_0000;

impl ProcStat {
    pub(in crate::collect) const fn kernel_thread(&self) -> bool {
        self.flags & PF_KTHREAD != 0
    }

    /// A process that has ended but for its entry: it has no executable, memory or files.
    pub(in crate::collect) const fn ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// The name may hold spaces, brackets and line ends; only the last `)` ends it.
pub(in crate::collect) fn parse(bytes: &[u8]) -> Option<ProcStat> {
    let open = bytes.iter().position(|b| *b == b'(')?;
    let close = bytes.iter().rposition(|b| *b == b')')?;
    let comm = bytes.get(open.checked_add(1)?..close)?.to_vec();
    let rest = std::str::from_utf8(bytes.get(close.checked_add(1)?..)?).ok()?;
    // Field 3, the state, comes first.
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let ppid = fields.next()?.parse().ok()?;
    let mut signed = || fields.next()?.parse::<i64>().ok();
    let (pgrp, session, tty) = (signed()?, signed()?, signed()?);
    let _terminal_group = signed()?;
    let flags = fields.next()?.parse().ok()?;
    // Four counts of page faults.
    let mut fields = fields.skip(4);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    // The children's times, and the priority.
    let mut fields = fields.skip(3);
    let nice = fields.next()?.parse().ok()?;
    let threads = fields.next()?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    Some(ProcStat {
        comm,
        state,
        ppid,
        pgrp,
        session,
        tty,
        flags,
        ticks: user.saturating_add(system),
        nice,
        threads,
        started,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const TAIL: &[u8] =
        b" S 1 2584 2584 34816 -1 4194560 100 0 3 0 250 50 0 0 39 19 4 0 123456 9000000 200 1";

    fn line(comm: &[u8]) -> Vec<u8> {
        [b"2584 (", comm, b")", TAIL].concat()
    }

    #[test]
    fn all_fields() {
        let stat = parse(&line(b"crond")).unwrap();
        let expect = ProcStat {
            comm: b"crond".to_vec(),
            state: b'S',
            ppid: 1,
            pgrp: 2584,
            session: 2584,
            tty: 34816,
            flags: 4_194_560,
            ticks: 300,
            nice: 19,
            threads: 4,
            started: 123_456,
        };
        assert_eq!(stat, expect);
        assert!(!stat.kernel_thread());
    }

    #[test]
    fn names_that_hold_what_ends_names() {
        for comm in [&b"a) S 9 ("[..], b")", b"", b"two words", b"line\nend", b"\xff\xfe(", b"((("]
        {
            assert_eq!(parse(&line(comm)).unwrap().comm, comm);
        }
    }

    #[test]
    fn cut_off_is_none() {
        let whole = line(b"x");
        for end in 0..60 {
            assert_eq!(parse(whole.get(..end).unwrap()), None, "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_name_is_kept(comm in proptest::collection::vec(1_u8.., 0..16)) {
            prop_assert_eq!(parse(&line(&comm)).unwrap().comm, comm);
        }
    }
}
