//! Accounts: who there is, who may log in, and whether a password is set. What the password is,
//! or its digest, is never a fact.

use super::{Collector, Host, Outcome, Run};
use crate::evidence::{HostPath, Reason, Unavailable};
use crate::facts::{Facts, HostText, Table, Time};
use std::collections::{BTreeMap, HashSet};

crate::table! {
    pub struct Account in accounts, "The accounts of /etc/passwd, with what /etc/shadow and /etc/group say of them; no password, and no digest of one.";
    name: HostText, "", "Name.";
    uid: Option<u32>, "", "Its number; 0 is the superuser's, whatever the name.";
    gid: Option<u32>, "", "Number of its first group.";
    comment: HostText, "", "Full name or purpose.";
    home: HostPath, "", "Home folder.";
    shell: HostText, "", "Shell; empty means /bin/sh.";
    can_log_in: bool, "", "The shell lets somebody in: it is not nologin, false and the like.";
    password: Option<&'static str>, "", "set; empty: none is asked for; locked: set, but not accepted; none: no password is right. NULL where /etc/shadow could not be read.";
    password_file: Option<HostPath>, "", "Which file says so: /etc/shadow, or /etc/passwd where the account's line there does.";
    scheme: Option<&'static str>, "", "How the password is kept: yescrypt, bcrypt, sha512, sha256, md5, des, other.";
    password_changed: Option<Time>, "days", "When the password was last set.";
    groups: HostText, "", "The groups it is in, with commas between.";
    line: u32, "", "Its line in /etc/passwd, from 1.";
    home_made: Option<Time>, "", "Its home folder was made, where the file system keeps that.";
    mtime: Option<Time>, "", "/etc/passwd last changed.";
    ctime: Option<Time>, "", "Inode of /etc/passwd last changed.";
}

pub(super) const COLLECTOR: Collector =
    Collector { name: "accounts", tables: &[Account::DEF], run: Run::Host(collect) };

const PASSWD: &str = "etc/passwd";
const SHADOW: &str = "etc/shadow";
const GROUP: &str = "etc/group";
/// Some ten thousand accounts.
const MOST_BYTES: usize = 4 << 20;
/// Accounts that get a row.
const MOST: usize = 10_000;
/// Users whose home folders are looked into.
const MOST_HOMES: usize = 1024;

/// Shells of accounts that nobody logs in to.
const NO_SHELLS: &[&[u8]] = &[b"nologin", b"false", b"sync", b"shutdown", b"halt"];

/// Whether a shell lets nobody in.
pub(super) fn no_shell(shell: &[u8]) -> bool {
    NO_SHELLS.contains(&shell.rsplit(|b| *b == b'/').next().unwrap_or_default())
}

/// What a line of /etc/shadow says.
struct Shadow {
    password: &'static str,
    scheme: Option<&'static str>,
    changed: Option<Time>,
}

fn collect(host: &Host<'_>, facts: &Facts) -> Outcome {
    let Some(passwd) = read(host, "accounts", PASSWD) else { return Ok(()) };
    let stat = host.root.stat(&PASSWD.into()).ok();
    let shadow = read(host, "accounts.password", SHADOW);
    let shadow = shadow.as_deref().map(shadows);
    if let Some(shadow) = &shadow {
        host.gaps.read_many("accounts.password", shadow.len() as u64);
    }
    let groups = read(host, "accounts.groups", GROUP).unwrap_or_default();
    let (of_user, names) = memberships(&groups);
    let mut seen = HashSet::new();
    let mut left_out = 0;
    for (number, line) in lines(&passwd) {
        let Some(mut row) = account(number, line) else { continue };
        if seen.len() >= MOST {
            left_out += 1;
            continue;
        }
        let name = row.name.as_bytes();
        // Old systems, and intruders, put it into /etc/passwd itself.
        let own = line.split(|b| *b == b':').nth(1).unwrap_or_default();
        let (known, file) = match own {
            b"x" => (shadow.as_ref().and_then(|shadow| shadow.get(name)), SHADOW),
            own => (Some(&Shadow { changed: None, ..password(own) }), PASSWD),
        };
        if let Some(known) = known {
            (row.password, row.scheme) = (Some(known.password), known.scheme);
            row.password_changed = known.changed;
            row.password_file = Some(HostPath::new(format!("/{file}")));
        }
        let first = row.gid.and_then(|gid| names.get(&gid).copied());
        let more = of_user.get(name).map(Vec::as_slice).unwrap_or_default();
        let more = more.iter().copied().filter(|name| Some(*name) != first);
        row.groups = HostText(first.into_iter().chain(more).collect::<Vec<_>>().join(&b','));
        row.home_made = host.root.stat(&row.home).ok().and_then(|stat| stat.btime);
        row.mtime = stat.as_ref().and_then(|stat| stat.mtime);
        row.ctime = stat.as_ref().and_then(|stat| stat.ctime);
        host.gaps.read("accounts");
        let source = format!("/{PASSWD}:{number}");
        if seen.insert(row.name.clone()) {
            facts.insert(row.name.to_string(), &source, &row)?;
        } else {
            facts.insert(format_args!("{}#{number}", row.name), &source, &row)?;
        }
    }
    if left_out > 0 {
        let why = format!("more than {MOST} accounts: the others have no row");
        let why = Unavailable::new(&PASSWD.into(), Reason::TooMuch, why);
        host.gaps.missed_many("accounts", &why, left_out);
    }
    Ok(())
}

fn read(host: &Host<'_>, what: &str, name: &str) -> Option<Vec<u8>> {
    let path = HostPath::from(name);
    let mut bytes = Vec::new();
    match host.root.read(&path, MOST_BYTES, &mut bytes) {
        Ok(more) => {
            if more {
                let why = Unavailable::new(&path, Reason::TooMuch, "its end was not read");
                host.gaps.missed(what, &why);
            }
            Some(bytes)
        }
        Err(why) => {
            host.gaps.missed(what, &why);
            None
        }
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (1_u32..).zip(bytes.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)))
}

fn decimal<T: std::str::FromStr>(field: &[u8]) -> Option<T> {
    std::str::from_utf8(field).ok()?.trim().parse().ok()
}

/// `name:x:uid:gid:comment:home:shell`
fn account(number: u32, line: &[u8]) -> Option<Account> {
    let mut fields = line.split(|b| *b == b':');
    let name = fields.next().filter(|name| name.first().is_some_and(|b| !b"#+-".contains(b)))?;
    let (_, uid, gid) = (fields.next()?, fields.next()?, fields.next()?);
    let (comment, home) = (fields.next()?, fields.next()?);
    let shell = fields.next().unwrap_or_default().trim_ascii();
    Some(Account {
        name: HostText::from(name),
        uid: decimal(uid),
        gid: decimal(gid),
        comment: HostText::from(comment),
        home: HostPath::from(home),
        shell: HostText::from(shell),
        can_log_in: !no_shell(shell),
        password: None,
        password_file: None,
        scheme: None,
        password_changed: None,
        groups: HostText::default(),
        line: number,
        home_made: None,
        mtime: None,
        ctime: None,
    })
}

/// `name:digest:days since 1970:…`
fn shadows(bytes: &[u8]) -> BTreeMap<&[u8], Shadow> {
    let mut all = BTreeMap::new();
    for (_, line) in lines(bytes) {
        let mut fields = line.split(|b| *b == b':');
        let (Some(name), Some(own)) = (fields.next(), fields.next()) else { continue };
        let days = fields.next().and_then(decimal::<i64>).filter(|days| *days > 0);
        let changed = days.map(|days| Time::new(days.saturating_mul(86_400), 0));
        all.entry(name).or_insert_with(|| Shadow { changed, ..password(own) });
    }
    all
}

/// What the field for the password says, without it.
fn password(field: &[u8]) -> Shadow {
    let bare = field.trim_ascii_start();
    let open = bare.strip_prefix(b"!").map_or(bare, |rest| rest.strip_prefix(b"!").unwrap_or(rest));
    let scheme = scheme(open);
    let password = match (field, scheme) {
        ([], _) => "empty",
        (_, None) => "none",
        _ if open.len() < bare.len() => "locked",
        _ => "set",
    };
    Shadow { password, scheme, changed: None }
}

/// By crypt's prefix; [`None`] for what no password can match.
fn scheme(digest: &[u8]) -> Option<&'static str> {
    const PREFIXES: &[(&[u8], &str)] = &[
        (b"$y$", "yescrypt"),
        (b"$gy$", "yescrypt"),
        (b"$7$", "scrypt"),
        (b"$2", "bcrypt"),
        (b"$6$", "sha512"),
        (b"$5$", "sha256"),
        (b"$1$", "md5"),
        (b"$", "other"),
        (b"_", "des"),
    ];
    let known = PREFIXES.iter().find(|(prefix, _)| digest.starts_with(prefix));
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/');
    // Thirteen characters of a salt and a digest, or what davy's archives put in their place.
    let des = digest.len() >= 13 && digest.iter().all(plain);
    known.map(|(_, word)| *word).or(des.then_some("des"))
}

type Groups<'a> = (BTreeMap<&'a [u8], Vec<&'a [u8]>>, BTreeMap<u32, &'a [u8]>);

/// `name:x:gid:user,user`: the groups of each user, and the names of the numbers.
fn memberships(bytes: &[u8]) -> Groups<'_> {
    let (mut of_user, mut names) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::new());
    for (_, line) in lines(bytes) {
        let mut fields = line.split(|b| *b == b':');
        let (Some(name), Some(gid)) = (fields.next(), fields.nth(1)) else { continue };
        if let Some(gid) = decimal(gid) {
            names.entry(gid).or_insert(name);
        }
        for user in fields.next().unwrap_or_default().split(|b| *b == b',') {
            if !user.is_empty() {
                of_user.entry(user).or_default().push(name);
            }
        }
    }
    (of_user, names)
}

/// The users of /etc/passwd and their home folders, each folder once.
pub(super) fn homes(host: &Host<'_>, what: &str) -> Vec<(HostText, HostPath)> {
    let Some(bytes) = read(host, what, PASSWD) else { return Vec::new() };
    let mut seen = HashSet::new();
    let mut all: Vec<_> = lines(&bytes)
        .filter_map(|(_, line)| {
            let mut fields = line.split(|b| *b == b':');
            let (user, home) = (fields.next()?, fields.nth(4)?);
            let home = HostPath::from(home);
            // The root directory is nobody's home, and its files are looked at by name.
            let plausible = home.is_absolute() && home.components().next().is_some();
            (plausible && seen.insert(home.clone())).then(|| (HostText::from(user), home))
        })
        .collect();
    if let Some(left_out) = all.len().checked_sub(MOST_HOMES).filter(|left_out| *left_out > 0) {
        let why = format!("{} home folders; {MOST_HOMES} are looked into", all.len());
        let why = Unavailable::new(&PASSWD.into(), Reason::TooMuch, why);
        host.gaps.missed_many(what, &why, left_out as u64);
        all.truncate(MOST_HOMES);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_the_field_for_the_password_says() {
        for (field, says, kept) in [
            (&b""[..], "empty", None),
            (b"*", "none", None),
            (b"!", "none", None),
            (b"!!", "none", None),
            (b"x", "none", None),
            (b"$6$salt$digest", "set", Some("sha512")),
            (b"!$y$j9T$salt$digest", "locked", Some("yescrypt")),
            (b"!!$1$salt$digest", "locked", Some("md5")),
            (b"ab01FAX.bQRSU", "set", Some("des")),
        ] {
            let Shadow { password, scheme, .. } = password(field);
            assert_eq!((password, scheme), (says, kept), "{}", String::from_utf8_lossy(field));
        }
    }

    #[test]
    fn lines_of_passwd_and_group() {
        let one = account(3, b"sys0:x:00:0:S:/var/sys:/bin/bash").map(|a| (a.uid, a.can_log_in));
        assert_eq!(one, Some((Some(0), true)));
        assert_eq!(account(1, b"bad"), None);
        assert_eq!(account(1, b"# a:x:0:0:::"), None);
        let (of_user, names) = memberships(b"root:x:0:\nsudo:x:27:alice,bob\nadm:x:4:alice\n");
        assert_eq!(of_user.get(&b"alice"[..]), Some(&vec![&b"sudo"[..], b"adm"]));
        assert_eq!(names.get(&27), Some(&&b"sudo"[..]));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            for (number, line) in lines(&bytes) {
                let _ = account(number, line);
                let _ = password(line);
            }
            let _ = (shadows(&bytes).len(), memberships(&bytes).0.len());
        }
    }
}
