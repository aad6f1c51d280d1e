//! The environment each process was started with.

use super::{Collector, Outcome, ProcessDir, Run};
use crate::facts::{Facts, HostText, Table};

crate::table! {
    pub struct Variable in environment, "The variables of /proc/PID/environ: those the process was started with.";
    pid: u32, "", "Process id.";
    name: HostText, "", "Name.";
    value: HostText, "", "Value.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "environment", tables: &[Variable::DEF], run: Run::Process(collect) };

fn collect(_process: &ProcessDir<'_>, _facts: &Facts) -> Outcome {
    Ok(())
}
