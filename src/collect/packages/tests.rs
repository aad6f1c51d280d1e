//! Owners, asked of small databases in a folder.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::owners::{Digest, Owners, database, owners};
use super::rpm::header_for_tests as header;
use super::{apk, dpkg, rpm};
use crate::collect::Gaps;
use crate::evidence::{Evidence, HostPath, Live};
use std::path::Path;

struct Root(tempfile::TempDir);

impl Root {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        Self(folder)
    }

    fn link(self, target: &str, name: &str) -> Self {
        std::os::unix::fs::symlink(target, self.0.path().join(name)).unwrap();
        self
    }

    fn path(&self) -> HostPath {
        let path: &Path = self.0.path();
        HostPath::from(path.to_str().unwrap())
    }

    fn owners(&self, paths: &[&str]) -> Owners {
        let live = Live::new();
        let root = live.dir(&self.path()).unwrap();
        let open = || live.dir(&self.path());
        let paths = paths.iter().map(|path| HostPath::from(*path));
        owners(root.as_ref(), &open, paths, None, &Gaps::default())
    }

    /// Package and digest of each path, `-` where there is none.
    fn of(&self, paths: &[&str]) -> Vec<String> {
        let owners = self.owners(paths);
        let one = |path: &&str| match owners.of(&HostPath::from(*path)) {
            None => "-".to_owned(),
            Some(owned) => match &owned.digest {
                None => owned.package.to_string(),
                Some(Digest::Md5(sum)) => format!("{} md5 {sum}", owned.package),
                Some(Digest::Sha256(sum)) => format!("{} sha256 {sum}", owned.package),
            },
        };
        paths.iter().map(one).collect()
    }
}

const SUM: &str = "0cc175b9c0f1b6a831c399e269772661";

fn debian() -> Root {
    let sums = format!("{SUM}  bin/ls\n{SUM}  usr/bin/vim\nbroken\n");
    Root::new(&[
        (
            "var/lib/dpkg/status",
            b"Package: coreutils\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9.1-1\n\
              Description: a\n more: lines\n\nPackage: gone\nStatus: deinstall ok config-files\n\n\
              Package: vim\nStatus: install ok triggers-pending\nArchitecture: amd64\nVersion: 2\n",
        ),
        ("var/lib/dpkg/info/coreutils.list", b"/.\n/bin\n/bin/ls\n/etc/x.conf\n/usr/bin/vi\n"),
        ("var/lib/dpkg/info/coreutils.md5sums", sums.as_bytes()),
        ("var/lib/dpkg/info/vim:amd64.list", b"/usr/bin/vi\n/usr/bin/vim"),
        ("var/lib/dpkg/diversions", b"/usr/bin/vi\n/usr/bin/vi.real\nvim\n"),
        ("usr/bin/ls", b"a"),
    ])
    .link("usr/bin", "bin")
}

#[test]
fn dpkg_with_a_merged_usr_and_a_diversion() {
    assert_eq!(
        debian().of(&[
            "/usr/bin/ls",
            "/bin/ls",
            "/usr/bin/vim",
            "/usr/bin/vi",
            "/usr/bin/vi.real",
            "/bin/x"
        ]),
        [
            format!("coreutils md5 {SUM}").as_str(),
            format!("coreutils md5 {SUM}").as_str(),
            "vim",
            "vim",
            "coreutils",
            "-"
        ]
    );
    assert!(debian().owners(&[]).known);
}

#[test]
fn a_program_in_the_list_alone_is_not_the_packages() {
    use std::os::unix::fs::PermissionsExt;
    let sums = format!("{SUM}  usr/sbin/cron\n");
    let root = Root::new(&[
        ("var/lib/dpkg/status", b"Package: cron\nStatus: install ok installed\n"),
        (
            "var/lib/dpkg/info/cron.list",
            b"/usr/sbin/cron\n/usr/sbin/kxd\n/usr/sbin/link\n/etc/cron.d/x\n/usr/share/x",
        ),
        ("var/lib/dpkg/info/cron.md5sums", sums.as_bytes()),
        ("usr/sbin/cron", b"a"),
        ("usr/sbin/kxd", b"b"),
        ("etc/cron.d/x", b"c"),
        ("usr/share/x", b"d"),
    ])
    .link("cron", "usr/sbin/link");
    let program = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(root.0.path().join("usr/sbin/kxd"), program).unwrap();
    assert_eq!(
        root.of(&[
            "/usr/sbin/cron",
            "/usr/sbin/kxd",
            "/usr/sbin/link",
            "/etc/cron.d/x",
            "/usr/share/x"
        ]),
        [format!("cron md5 {SUM}").as_str(), "-", "cron", "cron", "cron"]
    );
}

#[test]
fn dpkg_packages() {
    let root = debian();
    let live = Live::new();
    let dir = live.dir(&root.path()).unwrap();
    let packages = dpkg::packages(dir.as_ref(), &Gaps::default());
    let text: Vec<String> =
        packages.iter().map(|i| format!("{} {}", i.package.name, i.source)).collect();
    assert_eq!(text, ["coreutils /var/lib/dpkg/status:1", "vim /var/lib/dpkg/status:11"]);
    assert!(packages.iter().all(|i| i.package.installed.is_some()));
    assert_eq!(database(dir.as_ref()).unwrap().manager, "dpkg");
}

#[test]
fn status_without_lists_knows_no_owner() {
    let root = Root::new(&[("var/lib/dpkg/status", b"Package: a\n")]);
    assert!(!root.owners(&["/bin/x"]).known);
    let bare = Root::new(&[("etc/x", b"")]);
    assert!(!bare.owners(&["/bin/x"]).known);
}

#[test]
fn distroless() {
    let sums = format!("{SUM}  usr/bin/app\n");
    let root = Root::new(&[
        ("var/lib/dpkg/status.d/app", b"Package: app\nVersion: 1\n"),
        ("var/lib/dpkg/status.d/app.md5sums", sums.as_bytes()),
    ]);
    assert_eq!(root.of(&["/usr/bin/app"]), [format!("app md5 {SUM}")]);
}

#[test]
fn apk_in_a_container() {
    let root = Root::new(&[(
        "lib/apk/db/installed",
        b"C:Q1\nP:busybox\nV:1.36\nA:x86_64\nF:bin\nR:busybox\na:0:0:755\nZ:Q1\nF:\nR:init\n\nP:musl\nV:1\nF:lib\nR:ld.so\n",
    )]);
    assert_eq!(
        root.of(&["/bin/busybox", "/init", "/lib/ld.so", "/bin/x"]),
        ["busybox", "busybox", "musl", "-"]
    );
    let live = Live::new();
    let dir = live.dir(&root.path()).unwrap();
    let packages = apk::packages(dir.as_ref(), &Gaps::default());
    assert_eq!(packages.len(), 2);
    assert_eq!(packages[0].package.version, Some("1.36".into()));
}

#[test]
fn rpm_in_sqlite() {
    let bash = header::build(
        &[
            (header::NAME, &["bash"]),
            (header::VERSION, &["5.2"]),
            (header::RELEASE, &["3.el9"]),
            (header::DIRNAMES, &["/usr/bin/", "/etc/"]),
            (header::BASENAMES, &["bash", "bashrc", "sh"]),
            (header::FILEDIGESTS, &["AAAA", "BBBB", ""]),
        ],
        &[
            (header::DIRINDEXES, &[0, 1, 0]),
            (header::FILEFLAGS, &[0, 17, 0]),
            (header::FILEDIGESTALGO, &[8]),
            (header::INSTALLTIME, &[1_700_000_000]),
        ],
    );
    let mut made = rusqlite::Connection::open_in_memory().unwrap();
    made.execute_batch("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)").unwrap();
    made.execute("INSERT INTO Packages (blob) VALUES (?), (x'00')", [&bash]).unwrap();
    let bytes = made.serialize("main").unwrap().to_vec();
    let root = Root::new(&[("var/lib/rpm/rpmdb.sqlite", &bytes)]);
    assert_eq!(
        root.of(&["/usr/bin/bash", "/etc/bashrc", "/usr/bin/sh", "/usr/bin/x"]),
        ["bash sha256 aaaa", "bash", "bash", "-"]
    );
    let live = Live::new();
    let dir = live.dir(&root.path()).unwrap();
    let packages = rpm::packages(dir.as_ref(), &Gaps::default());
    assert_eq!(packages.len(), 1);
    assert_eq!(packages[0].package.version, Some("5.2-3.el9".into()));
    assert_eq!(
        packages[0].package.installed.map(|t| t.to_string()).as_deref(),
        Some("2023-11-14T22:13:20Z")
    );
}

proptest::proptest! {
    #[test]
    fn any_status(bytes: Vec<u8>) {
        dpkg::parse_anything(&bytes);
    }
    #[test]
    fn nearly_status(text in "((Package|Status|Version|X)?:? ?[a-z]{0,3}\n{0,2}){0,20}") {
        dpkg::parse_anything(text.as_bytes());
    }
}
