//! The directories and files of an ordinary Debian server.

use super::{DEV, Maker, SHMEM, Tree};
use crate::evidence::tree::{Attributes, Body};
use crate::evidence::{FileKind, HostPath};

/// Directories and their modes.
const DIRECTORIES: &[(&str, u32)] = &[
    ("/usr/bin", 0o755),
    ("/usr/sbin", 0o755),
    ("/usr/lib/x86_64-linux-gnu", 0o755),
    ("/usr/lib/systemd/system", 0o755),
    ("/usr/lib64", 0o755),
    ("/usr/local/bin", 0o755),
    ("/usr/local/sbin", 0o755),
    ("/boot", 0o755),
    ("/dev/shm", 0o1777),
    ("/etc/cron.d", 0o755),
    ("/etc/cron.daily", 0o755),
    ("/etc/cron.hourly", 0o755),
    ("/etc/cron.weekly", 0o755),
    ("/etc/cron.monthly", 0o755),
    ("/etc/init.d", 0o755),
    ("/etc/profile.d", 0o755),
    ("/etc/systemd/system", 0o755),
    ("/etc/ssh", 0o755),
    ("/home", 0o755),
    ("/media", 0o755),
    ("/mnt", 0o755),
    ("/opt", 0o755),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/var/cache", 0o755),
    ("/var/log", 0o755),
    ("/var/spool/cron/crontabs", 0o1730),
    ("/var/tmp", 0o1777),
    ("/var/www", 0o755),
];

const LINKS: &[(&str, &str)] = &[
    ("/bin", "usr/bin"),
    ("/sbin", "usr/sbin"),
    ("/lib", "usr/lib"),
    ("/lib64", "usr/lib64"),
    ("/var/run", "/run"),
    ("/var/lock", "/run/lock"),
    ("/etc/mtab", "../proc/self/mounts"),
    ("/dev/fd", "/proc/self/fd"),
];

const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
sys:x:3:3:sys:/dev:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
_apt:x:42:65534::/nonexistent:/usr/sbin/nologin
systemd-network:x:998:998:systemd Network Management:/:/usr/sbin/nologin
messagebus:x:100:107::/nonexistent:/usr/sbin/nologin
sshd:x:101:65534::/run/sshd:/usr/sbin/nologin
";

const SHADOW: &str = "\
root:*:19700:0:99999:7:::
daemon:*:19700:0:99999:7:::
www-data:*:19700:0:99999:7:::
nobody:*:19700:0:99999:7:::
";

const GROUP: &str = "\
root:x:0:
daemon:x:1:
adm:x:4:
sudo:x:27:
www-data:x:33:
nogroup:x:65534:
";

impl Maker {
    /// What is there before any directive.
    pub(super) fn base(&mut self) {
        for (path, mode) in DIRECTORIES {
            let mut attributes = self.on_disk(*mode);
            if path.starts_with("/dev/shm") {
                attributes.dev = SHMEM;
            }
            let parent = self.on_disk(0o755);
            let above = HostPath::from(*path).parent();
            self.tree.directory(Tree::ROOT, above.as_bytes(), &parent);
            self.tree.directory(Tree::ROOT, path.as_bytes(), &attributes);
        }
        for (path, target) in LINKS {
            let attributes = self.on_disk(0o777);
            let id = self.tree.add(&attributes, Body::Link(target.as_bytes().to_vec()));
            let (directory, name) = self.place(&HostPath::from(*path));
            self.tree.name(directory, &name, id);
        }
        for (name, major, minor) in
            [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9)]
        {
            self.device(name, major, minor);
        }
        self.device("tty", 5, 0);
        self.device("console", 5, 1);
        self.device("ptmx", 5, 2);
        let about = &self.about;
        let os = format!(
            "PRETTY_NAME=\"{}\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"{}\"\nID={}\n",
            about.os, about.os_version, about.os_id
        );
        let machine = format!("{}\n", about.machine_id);
        let hostname = format!("{}\n", about.hostname);
        let hosts = format!("127.0.0.1\tlocalhost\n127.0.1.1\t{}\n", about.hostname);
        let zone = about.zone.clone();
        self.put_text("/usr/lib/os-release", &os);
        self.put_text("/etc/os-release", &os);
        self.put_text("/etc/machine-id", &machine);
        self.put_text("/etc/hostname", &hostname);
        self.put_text("/etc/hosts", &hosts);
        self.put_text("/etc/timezone", &format!("{zone}\n"));
        self.put_text("/etc/passwd", PASSWD);
        self.put_text("/etc/shadow", SHADOW);
        self.put_text("/etc/group", GROUP);
        let target = format!("/usr/share/zoneinfo/{zone}");
        let attributes = self.on_disk(0o777);
        let id = self.tree.add(&attributes, Body::Link(target.into_bytes()));
        let (directory, name) = self.place(&HostPath::from("/etc/localtime"));
        self.tree.name(directory, &name, id);
    }

    fn device(&mut self, name: &str, major: u64, minor: u64) {
        let attributes = Attributes { dev: DEV, ..Attributes::new(0o666, self.about.booted, DEV) };
        let id = self.tree.add_special(&attributes, FileKind::CharDevice);
        if let Some(node) = self.tree.get_mut(id) {
            node.stat.rdev = major << 32 | minor;
        }
        let (directory, _) = self.place(&HostPath::from("/dev/null"));
        self.tree.name(directory, name.as_bytes(), id);
    }
}
