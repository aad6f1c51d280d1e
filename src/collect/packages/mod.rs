//! Which packages are installed, and which of them owns a file: from the databases of dpkg, rpm
//! and apk, read directly. The suspect's own tools may lie, and are never run.

mod apk;
mod dpkg;
mod inferred;
mod owners;
mod rpm;
#[cfg(test)]
mod tests;

pub(super) use owners::{Database, Digest, Owned, Owners, database, owners};

use super::{Collector, Host, Outcome, Run};
use crate::facts::{Facts, HostText, Status, Table, Time};

crate::table! {
    pub struct Package in packages, "Installed packages of the host's own root.";
    manager: &'static str, "", "dpkg, rpm or apk.";
    name: HostText, "", "Name.";
    version: Option<HostText>, "", "Version.";
    architecture: Option<HostText>, "", "Architecture.";
    installed: Option<Time>, "", "Installed or last upgraded: rpm's install time; for dpkg, when its file list was written.";
    owns: bool, "", "What its host's packages own is known, by their lists of files or, in evidence without these, by the times of installation: what none owns can be told.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "packages", tables: &[Package::DEF], run: Run::Host(collect) };

/// A package, and where the database says so.
struct Installed {
    package: Package,
    /// Path of the database, with a line where it has lines.
    source: String,
}

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let root = host.root.as_ref();
    let mut installed = dpkg::packages(root, &host.gaps);
    installed.extend(rpm::packages(root, &host.gaps));
    installed.extend(apk::packages(root, &host.gaps));
    let told = host.evidence.told();
    if installed.is_empty()
        && let Some(told) = told
    {
        installed.extend(told.packages.iter().map(|package| Installed {
            source: package.source.clone(),
            package: Package {
                manager: package.manager,
                name: package.name.clone(),
                version: package.version.clone(),
                architecture: package.architecture.clone(),
                installed: package.installed,
                owns: false,
            },
        }));
    }
    if installed.is_empty() && database(root).is_none() {
        let detail = "no database of dpkg, rpm or apk: what no package owns cannot be told";
        return facts.cover("packages", Status::Absent, detail);
    }
    for Installed { package, source } in &installed {
        let architecture = package.architecture.clone().unwrap_or_default();
        let version = package.version.clone().unwrap_or_default();
        let key = format!("{}/{}:{architecture}={version}", package.manager, package.name);
        facts.insert(key, source, package)?;
        host.gaps.read("packages");
    }
    Ok(())
}
