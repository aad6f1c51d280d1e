//! The environment each process was started with.

use super::processes::{Row, Rows};
use super::{Collector, ProcessDir, Run};
use crate::evidence::{Reason, Unavailable};
use crate::facts::{HostText, Table};

crate::table! {
    pub struct Variable in environment, "The variables of /proc/PID/environ: those a process was started with. Many processes share one environment, which is here once: join processes.environment_pid = environment.pid.";
    pid: u32, "", "The first process that has this environment.";
    name: HostText, "", "Name.";
    value: HostText, "", "Value.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "environment", tables: &[Variable::DEF], run: Run::Process(collect) };

/// Variables of one process; what follows is noise made to drown the rest.
const MOST: usize = 4096;

pub(super) fn collect(process: &ProcessDir<'_>, rows: &mut Rows<'_>) {
    // Most of a server's processes share theirs with others: said once, half of all rows are saved.
    if process.environment_pid() != Some(process.pid) {
        return;
    }
    let bytes = process.environ().unwrap_or_default();
    if variables(bytes).nth(MOST).is_some() {
        let why = format!("variables beyond {MOST} are left out");
        let why = Unavailable::new(&process.path("environ"), Reason::TooMuch, why);
        process.host.gaps.missed("environment", &why);
    }
    for (place, (name, value)) in variables(bytes).take(MOST).enumerate() {
        let row = Variable { pid: process.pid, name: name.into(), value: value.into() };
        rows.push(Row::Variable(place, row));
    }
}

/// Names and values. What has no `=` is a name without a value.
pub(crate) fn variables(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    bytes.split(|b| *b == 0).filter(|v| !v.is_empty()).map(|variable| {
        // A name may begin with `=`, as shells on other systems make them.
        let sign = variable.iter().skip(1).position(|b| *b == b'=');
        let (name, value) =
            variable.split_at(sign.map_or(variable.len(), |at| at.saturating_add(1)));
        (name, value.strip_prefix(b"=").unwrap_or(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_values() {
        let bytes = b"PATH=/bin:/usr/bin\0A=\0odd\0B=x=y\0\0C=\xff\n\0";
        let all: Vec<(&[u8], &[u8])> = variables(bytes).collect();
        let expect: [(&[u8], &[u8]); 5] = [
            (b"PATH", b"/bin:/usr/bin"),
            (b"A", b""),
            (b"odd", b""),
            (b"B", b"x=y"),
            (b"C", b"\xff\n"),
        ];
        assert_eq!(all, expect);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            prop_assert!(variables(&bytes).all(|(name, _)| !name.is_empty()));
        }
    }
}
