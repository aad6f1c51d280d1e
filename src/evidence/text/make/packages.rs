//! `package`: the databases of dpkg and apk, and the files that packages install.

use super::super::arguments::Arguments;
use super::super::elf::elf;
use super::super::error::Fault;
use super::super::lines::Directive;
use super::{Maker, Tree};
use crate::evidence::HostPath;
use crate::evidence::tree::{Attributes, Body};
use md5::{Digest, Md5};
use std::fmt::Write;

/// Packages of a Debian server without being told, and the programs that they bring.
const USUAL: &[(&str, &str)] = &[
    (
        "systemd",
        "/usr/lib/systemd/systemd /usr/lib/systemd/systemd-journald /usr/lib/systemd/systemd-logind /usr/lib/systemd/systemd-networkd /usr/bin/systemctl /usr/bin/journalctl",
    ),
    ("udev", "/usr/lib/systemd/systemd-udevd /usr/bin/udevadm"),
    ("bash", "/usr/bin/bash"),
    ("dash", "/usr/bin/dash /usr/bin/sh"),
    ("coreutils", "/usr/bin/cat /usr/bin/cp /usr/bin/ls /usr/bin/sleep /usr/bin/env"),
    ("util-linux", "/usr/sbin/agetty /usr/bin/mount /usr/bin/su"),
    ("cron", "/usr/sbin/cron /usr/bin/crontab"),
    ("dbus", "/usr/bin/dbus-daemon"),
    ("openssh-server", "/usr/sbin/sshd"),
    ("openssh-client", "/usr/bin/ssh"),
    ("rsyslog", "/usr/sbin/rsyslogd"),
    ("sudo", "/usr/bin/sudo"),
    ("login", "/usr/bin/login"),
    ("procps", "/usr/bin/ps /usr/bin/top /usr/bin/pkill"),
    ("libc6", "/usr/lib/x86_64-linux-gnu/libc.so.6 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
    ("perl-base", "/usr/bin/perl"),
    ("python3.11-minimal", "/usr/bin/python3.11"),
    ("curl", "/usr/bin/curl"),
    ("wget", "/usr/bin/wget"),
];

/// Other programs that Debian servers run; their package is there when a page names the program.
const KNOWN: &[(&str, &str)] = &[
    ("nginx", "/usr/sbin/nginx"),
    ("apache2-bin", "/usr/sbin/apache2"),
    ("postgresql-15", "/usr/lib/postgresql/15/bin/postgres"),
    ("mariadb-server-core", "/usr/sbin/mariadbd"),
    ("redis-server", "/usr/bin/redis-server"),
    ("containerd", "/usr/bin/containerd /usr/bin/containerd-shim-runc-v2"),
    ("docker.io", "/usr/bin/dockerd"),
    ("chrony", "/usr/sbin/chronyd"),
    ("systemd-timesyncd", "/usr/lib/systemd/systemd-timesyncd"),
    ("polkitd", "/usr/lib/polkit-1/polkitd"),
    ("exim4-daemon-light", "/usr/sbin/exim4"),
    ("postfix", "/usr/lib/postfix/sbin/master"),
    ("unattended-upgrades", "/usr/bin/unattended-upgrade"),
    ("qemu-guest-agent", "/usr/sbin/qemu-ga"),
    ("vim.basic", "/usr/bin/vim.basic"),
    ("tmux", "/usr/bin/tmux"),
    ("gdb", "/usr/bin/gdb"),
    ("tcpdump", "/usr/bin/tcpdump"),
];

/// A package to be written.
struct Package {
    name: String,
    version: String,
    architecture: String,
    manager: Manager,
    attributes: Attributes,
    paths: Vec<HostPath>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manager {
    Dpkg,
    Apk,
}

impl Maker {
    /// Writes the package databases and the files they name.
    pub(super) fn packages(&mut self, directives: &[Directive]) -> Result<(), Fault> {
        let mut packages = Vec::new();
        for directive in directives.iter().filter(|d| d.verb == "package") {
            packages.push(self.stated_package(directive)?);
        }
        if self.about.os_id == "debian" || self.about.os_id == "ubuntu" {
            let named = |path: &str| directives.iter().any(|d| names(d, path));
            let known = KNOWN.iter().filter(|(_, paths)| paths.split(' ').any(named));
            for (name, paths) in USUAL.iter().chain(known) {
                if !packages.iter().any(|p| p.name == *name) {
                    packages.push(self.usual(name, paths));
                }
            }
        }
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        let mut status = String::new();
        let mut apk = String::new();
        for package in &packages {
            match package.manager {
                Manager::Dpkg => self.dpkg(package, &mut status),
                Manager::Apk => self.apk(package, &mut apk),
            }
        }
        if !status.is_empty() {
            self.put_text("/var/lib/dpkg/status", &status);
        }
        if !apk.is_empty() {
            self.put_text("/lib/apk/db/installed", &apk);
        }
        Ok(())
    }

    fn usual(&self, name: &str, paths: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.0-1".to_owned(),
            architecture: "amd64".to_owned(),
            manager: Manager::Dpkg,
            attributes: self.on_disk(0o755),
            paths: paths.split(' ').map(HostPath::from).collect(),
        }
    }

    fn stated_package(&self, directive: &Directive) -> Result<Package, Fault> {
        let mut words = Arguments::new(directive);
        let name = String::from_utf8_lossy(words.need("a package name")?).into_owned();
        let manager = match words.text("manager")?.unwrap_or("dpkg") {
            "dpkg" => Manager::Dpkg,
            "apk" => Manager::Apk,
            other => {
                return Err(words.fault(format!("expected manager=dpkg or apk, found {other}")));
            }
        };
        let version = words.text("version")?.unwrap_or("1.0-1").to_owned();
        let architecture = words.text("arch")?.unwrap_or("amd64").to_owned();
        let time = words.time("installed")?.unwrap_or(self.about.installed);
        let attributes = Attributes::new(0o755, time, super::DISK);
        let mut paths = Vec::new();
        while let Some(path) = words.bare() {
            let path = HostPath::new(path);
            if !path.is_absolute() {
                return Err(words.fault(format!("expected absolute paths, found {path}")));
            }
            paths.push(path);
        }
        words.finish()?;
        Ok(Package { name, version, architecture, manager, attributes, paths })
    }

    fn dpkg(&mut self, package: &Package, status: &mut String) {
        let Package { name, version, architecture, .. } = package;
        // Writing to a String cannot fail.
        let _ = write!(
            status,
            "Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: admin\n\
             Maintainer: Debian <debian@example.org>\nArchitecture: {architecture}\n\
             Version: {version}\nDescription: {name}\n\n"
        );
        let mut list = b"/.\n".to_vec();
        let mut sums = Vec::new();
        for path in &package.paths {
            list.extend_from_slice(path.as_bytes());
            list.push(b'\n');
            if let Some(digest) = self.installed_file(package, path) {
                sums.extend_from_slice(digest.as_bytes());
                sums.extend_from_slice(b"  ");
                sums.extend_from_slice(path.as_bytes().get(1..).unwrap_or_default());
                sums.push(b'\n');
            }
        }
        let attributes = Attributes { mode: 0o644, ..package.attributes.clone() };
        let info = |suffix: &str| HostPath::new(format!("/var/lib/dpkg/info/{name}.{suffix}"));
        self.put(Tree::ROOT, &info("list"), &attributes, &list);
        self.put(Tree::ROOT, &info("md5sums"), &attributes, &sums);
    }

    fn apk(&mut self, package: &Package, database: &mut String) {
        let _ = write!(
            database,
            "P:{}\nV:{}\nA:{}\n",
            package.name, package.version, package.architecture
        );
        for path in &package.paths {
            self.installed_file(package, path);
            let parent = path.parent();
            let directory = parent.as_bytes().get(1..).unwrap_or_default();
            let _ = writeln!(database, "F:{}", String::from_utf8_lossy(directory));
            let _ = writeln!(database, "R:{}", String::from_utf8_lossy(path.file_name()));
        }
        database.push('\n');
    }

    /// Makes a package's file where the page did not, and gives the digest that the package has
    /// of it; `None` for what is no regular file.
    fn installed_file(&mut self, package: &Package, path: &HostPath) -> Option<String> {
        let id = match self.find(Tree::ROOT, path) {
            Some(id) => id,
            None => self.put(Tree::ROOT, path, &package.attributes, &elf(&[])),
        };
        let Body::Bytes(bytes) = &self.tree.get(id)?.body else { return None };
        let digest =
            if self.altered.contains(&id) { Md5::digest(elf(&[])) } else { Md5::digest(bytes) };
        Some(digest.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }
}

/// Whether a directive's words name a path.
fn names(directive: &Directive, path: &str) -> bool {
    directive.words.iter().any(|w| w.value == path.as_bytes())
}
