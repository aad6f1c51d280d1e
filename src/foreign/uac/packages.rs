//! Packages: the database below `[root]` is read as on any host; what the package manager printed
//! fills in where it was not taken.

use super::Uac;
use crate::evidence::{HostPath, ToldPackage};
use crate::facts::{HostText, Time};
use crate::foreign::output::{find, lines, number, split, words};

const FOLDER: &str = "live_response/packages";

impl Uac<'_> {
    /// Owners, altered files, packages and when they were installed.
    pub(super) fn packages(&mut self) {
        self.owners();
        self.altered();
        self.rpm();
        self.host.told.installed.sort_unstable();
        self.host.told.installed.dedup();
    }

    /// `package: /path` of dpkg -S; `path package` is what pacman and rpm are asked for with a file.
    fn owners(&mut self) {
        let Some((text, _)) = self.member(&format!("{FOLDER}/dpkg_-S.txt")) else { return };
        let found: Vec<(HostPath, HostText)> = lines(text)
            .filter_map(|line| {
                let (package, path) = split(line, b": /")?;
                let package = package.split(|b| matches!(b, b':' | b',')).next()?;
                Some((HostPath::new([b"/", path].concat()), HostText::from(package)))
            })
            .collect();
        self.host.told.owners.extend(found);
    }

    /// `??5?????? c /etc/x` of dpkg -V and rpm -V: the digest differs.
    fn altered(&mut self) {
        for name in ["dpkg_-V.txt", "rpm_-V_-a.txt"] {
            let Some((text, _)) = self.member(&format!("{FOLDER}/{name}")) else { continue };
            let found: Vec<HostPath> = lines(text)
                .filter_map(|line| {
                    let flags = words(line).next()?;
                    if flags.get(2) != Some(&b'5') || words(line).nth(1) == Some(b"c") {
                        return None;
                    }
                    let at = find(line, b" /")?;
                    Some(HostPath::new(line.get(at + 1..)?))
                })
                .collect();
            self.host.told.altered.extend(found);
        }
    }

    /// `epoch~name~version` or `epoch~name~version~release`: seconds since 1970.
    fn rpm(&mut self) {
        let names =
            ["rpm_-q_-a_--queryformat_installtime_name_version_release.txt", "rpm_-q_-a.txt"]
                .map(|name| format!("{FOLDER}/{name}"));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let Some((text, member)) = self.first(&names) else { return };
        let found: Vec<ToldPackage> = lines(text)
            .zip(1_usize..)
            .filter(|(line, _)| !line.is_empty())
            .map(|(line, at)| {
                let mut parts = line.split(|b| *b == b'~');
                let first = parts.next().unwrap_or_default();
                let source = format!("{}:{member}:{at}", self.spool.name);
                let package = |name: &[u8], version: Option<&[u8]>, installed| ToldPackage {
                    manager: "rpm",
                    name: HostText::from(name),
                    version: version.map(HostText::from),
                    architecture: None,
                    installed,
                    source,
                };
                match (number::<i64>(first), parts.next()) {
                    (Some(at), Some(name)) => {
                        let rest: Vec<&[u8]> = parts.collect();
                        package(name, Some(rest.join(&b'-').as_slice()), Some(Time::new(at, 0)))
                    }
                    _ => {
                        // `bash-5.1.8-9.el9.x86_64`: name, version and release part at the dashes.
                        let mut back = line.rsplitn(3, |b| *b == b'-');
                        let (release, version) = (back.next().unwrap_or_default(), back.next());
                        let name = back.next().unwrap_or(line);
                        let version = version.map(|v| [v, b"-", release].concat());
                        package(name, version.as_deref(), None)
                    }
                }
            })
            .collect();
        let times = found.iter().filter_map(|package| package.installed);
        self.host.told.installed.extend(times);
        self.host.told.packages.extend(found);
    }
}
