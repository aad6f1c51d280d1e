//! URLs with a host that can be reached, without the boilerplate that libraries carry.

use super::{address, pool, shell};
use crate::carve::scan::{Found, Hit, Text};

/// Hosts whose pages are named in the strings of ordinary programs: standards, licences,
/// manuals, bug pages, schemas. A name stands for itself and all names below it.
const BOILERPLATE: &[&str] = &[
    "apache.org",
    "debuginfod.debian.net",
    "git-scm.com",
    "pypa.io",
    "stackoverflow.com",
    "translationproject.org",
    "apple.com",
    "archlinux.org",
    "bugs.debian.org",
    "bugs.launchpad.net",
    "bugzilla.org",
    "cacert.org",
    "cpan.org",
    "crates.io",
    "creativecommons.org",
    "curl.haxx.se",
    "curl.se",
    "debian.org",
    "dejavu-fonts.org",
    "digicert.com",
    "docbook.org",
    "docs.rs",
    "dublincore.org",
    "ecma-international.org",
    "example.com",
    "example.net",
    "example.org",
    "exslt.org",
    "fedoraproject.org",
    "freedesktop.org",
    "fsf.org",
    "gnome.org",
    "gnu.org",
    "gnupg.org",
    "go.dev",
    "golang.org",
    "google.com",
    "iana.org",
    "icu-project.org",
    "ietf.org",
    "json-schema.org",
    "kde.org",
    "kernel.org",
    "khronos.org",
    "launchpad.net",
    "letsencrypt.org",
    "libssh2.org",
    "llvm.org",
    "microsoft.com",
    "mozilla.org",
    "mysql.com",
    "ns.adobe.com",
    "nodejs.org",
    "npmjs.com",
    "oasis-open.org",
    "openldap.org",
    "openoffice.org",
    "opensource.org",
    "openssl.org",
    "openssh.com",
    "openxmlformats.org",
    "oracle.com",
    "pcre.org",
    "perl.org",
    "perldoc.org",
    "php.net",
    "postgresql.org",
    "purl.org",
    "pypi.org",
    "python.org",
    "readthedocs.io",
    "redhat.com",
    "relaxng.org",
    "rfc-editor.org",
    "ruby-lang.org",
    "rust-lang.org",
    "schema.org",
    "sourceware.org",
    "sqlite.org",
    "symantec.com",
    "systemd.io",
    "tools.ietf.org",
    "ubuntu.com",
    "unicode.org",
    "verisign.com",
    "w3.org",
    "wikipedia.org",
    "x.org",
    "xiph.org",
    "xml.org",
    "xmlsoap.org",
    "zlib.net",
    "globalsign.com",
    "usertrust.com",
    "comodoca.com",
    "sectigo.com",
    "entrust.net",
];

/// Schemes that lead somewhere. Mining schemes are told by their first letters.
const SCHEMES: &[&[u8]] = &[
    b"http", b"https", b"ftp", b"ftps", b"tftp", b"ws", b"wss", b"tcp", b"udp", b"ssl", b"tls",
    b"socks4", b"socks4a", b"socks5", b"socks5h", b"irc", b"ircs", b"ldap", b"ldaps", b"mqtt",
    b"mqtts", b"redis", b"rsync", b"sftp",
];

const fn url_byte(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'&' | b'('..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~')
}

fn mining(scheme: &[u8]) -> bool {
    let begins = |start: &[u8]| scheme.starts_with(start);
    begins(b"stratum")
        || begins(b"ethproxy")
        || begins(b"ethstratum")
        || begins(b"daemon+http")
        || begins(b"zec+")
        || begins(b"zilstratum")
}

/// A URL that a program makes: of `stratum+tcp://pool.%s.bad.site:3333` no part is a name of its own.
fn form(text: &Text<'_>, start: usize, scheme: &[u8], host: usize, found: &mut Found) {
    let piece = |b: u8| pool::name_byte(b) || matches!(b, b'%' | b'{' | b'}' | b'$');
    let end = text.forward(host, 200, piece);
    let name = text.slice(host..end);
    let made = [b"%s".as_slice(), b"%d", b"%u", b"{}"];
    let last = name.rsplit(|b| matches!(b, b'%' | b'}')).next().unwrap_or_default();
    let rest = last.iter().position(|b| *b == b'.').and_then(|dot| last.get(dot + 1..));
    let Some(port) = address::port(text, end) else { return };
    if !made.iter().any(|form| memchr::memmem::find(name, form).is_some())
        || !rest.is_some_and(pool::named_host)
    {
        return;
    }
    let stop = text.forward(end, 200, url_byte);
    if mining(scheme) {
        let stop = end + 1 + port.to_string().len();
        let why = "the form of a mining URL";
        found.add(text, Hit::new("stratum", start, text.slice(start..stop), why));
    } else {
        let why = "the form of a URL";
        found.add(text, Hit::new("url", start, text.slice(start..stop), why));
    }
}

/// The longest URL that is kept, and the longest part of one that names user, host and port.
const LONGEST: usize = 1024;
const AUTHORITY: usize = 400;

/// Where in what follows a host another URL begins that is no argument of this one: strings lie one behind the
/// other in programs, and lists have nothing but a comma between.
fn next(rest: &[u8]) -> Option<usize> {
    let colon = memchr::memmem::find(rest, b"://")?;
    let before = rest.get(..colon)?;
    let schemes: [&[u8]; 2] = [b"https", b"http"];
    let at = schemes.into_iter().find_map(|scheme| before.strip_suffix(scheme))?;
    memchr::memchr3(b'=', b'?', b'#', at).is_none().then_some(at.len())
}

/// Looks at `://` with the colon at `colon`.
pub(super) fn examine(text: &Text<'_>, colon: usize, found: &mut Found) {
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-');
    let start = text.back(colon, 20, letter);
    let scheme = text.slice(start..colon).to_ascii_lowercase();
    let (scheme, start) = known_scheme(&scheme, start);
    let Some(scheme) = scheme else { return };
    let from = colon + 3;
    let trimmed = |start: usize, end: usize| {
        let trailing = |b: &&u8| {
            matches!(**b, b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b']' | b'}' | b'\'')
        };
        end - text.slice(start..end).iter().rev().take_while(trailing).count()
    };
    let part = |b: u8| matches!(b, b'/' | b'?' | b'#');
    let stop = text.forward(from, AUTHORITY, |b| url_byte(b) && !part(b));
    let authority_end = if part(text.byte(stop)) { stop } else { trimmed(from, stop) };
    let authority = text.slice(from..authority_end);
    let host_start = authority.iter().rposition(|b| *b == b'@').map_or(from, |at| from + at + 1);
    let Some((host_end, numeric)) = host(text, host_start, authority_end) else {
        return form(text, start, &scheme, host_start, found);
    };
    // An address in brackets ends in one.
    let authority_end = authority_end.max(host_end);
    let host = text.slice(host_start..host_end);
    let port = address::port(text, host_end);
    if mining(&scheme) {
        pool::add(text, host_start, host, port, "the host of a mining URL", found);
        super::stratum::scheme(text, start, &scheme, host, port, found);
        pool::near(text, start, "near a mining URL", found);
        return;
    }
    let reach =
        next(text.slice(authority_end..text.bytes.len().min(from + LONGEST))).unwrap_or(LONGEST);
    let end = text.forward(authority_end, reach.min(from + LONGEST - authority_end), url_byte);
    // `…%s[WARN`: a message that lies behind.
    let tag = text.slice(authority_end..end).windows(4).position(
        |four| matches!(four, [b'[', rest @ ..] if rest.iter().all(u8::is_ascii_uppercase)),
    );
    let end = trimmed(authority_end, tag.map_or(end, |at| authority_end + at));
    if host_start == from && !numeric && boilerplate(host, text.slice(authority_end..end)) {
        return;
    }
    let mut hit = Hit::new("url", start, text.slice(start..end), "a URL").host(host, port);
    if numeric {
        hit.why = "a URL whose host is an address".to_owned();
        hit = hit.detail("host is an address");
    } else if let Some((domain, _)) = pool::known(host) {
        hit.why = "a URL of a known mining pool".to_owned();
        hit = hit.detail(format!("pool {domain}"));
    }
    found.add(text, hit);
    shell::around(text, start, found);
}

/// Whether the host that begins here is that of a mining URL.
pub(super) fn mines(text: &Text<'_>, host: usize) -> bool {
    before(text, host).is_some_and(|scheme| mining(&scheme))
}

/// Whether the host that begins here is that of any URL.
pub(super) fn leads(text: &Text<'_>, host: usize) -> bool {
    before(text, host).is_some()
}

/// The scheme of the URL whose host begins here.
fn before(text: &Text<'_>, host: usize) -> Option<Vec<u8>> {
    let colon = host.checked_sub(3).filter(|colon| text.slice(*colon..host) == b"://")?;
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-');
    let scheme = text.slice(text.back(colon, 20, letter)..colon).to_ascii_lowercase();
    known_scheme(&scheme, 0).0
}

/// Whether letters end in a scheme too long to be there by chance.
pub(super) fn long_scheme(letters: &[u8]) -> bool {
    known_scheme(letters, 0).0.is_some_and(|scheme| scheme.len() >= 4)
}

/// The longest known scheme that these letters end in, and where it starts: memory puts other
/// letters before a string without asking.
fn known_scheme(letters: &[u8], start: usize) -> (Option<Vec<u8>>, usize) {
    if mining(letters) || SCHEMES.contains(&letters) {
        return (Some(letters.to_vec()), start);
    }
    (1..letters.len())
        .filter_map(|skip| letters.get(skip..).map(|rest| (skip, rest)))
        .find(|(_, rest)| mining(rest) || rest.len() >= 4 && SCHEMES.contains(rest))
        .map_or((None, start), |(skip, rest)| (Some(rest.to_vec()), start + skip))
}

/// Where the host ends, and whether it is an address. Loopback and names without a domain are
/// of no use to an investigation.
fn host(text: &Text<'_>, start: usize, limit: usize) -> Option<(usize, bool)> {
    if text.byte(start) == b'[' {
        let end =
            text.forward(start + 1, 46, |b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
        let inner = std::str::from_utf8(text.slice(start + 1..end)).ok()?;
        let address: std::net::Ipv6Addr = inner.parse().ok()?;
        return (text.byte(end) == b']' && !address.is_loopback()).then_some((end + 1, true));
    }
    let end = text.forward(start, limit.saturating_sub(start), pool::name_byte);
    let name = text.slice(start..end);
    if end < limit && text.byte(end) != b':' {
        return None;
    }
    if let Some(address) =
        std::str::from_utf8(name).ok().and_then(|s| s.parse::<std::net::Ipv4Addr>().ok())
    {
        return (!address.is_loopback() && !address.is_unspecified()).then_some((end, true));
    }
    // `www.` and a word is a sentence's, or a piece of one.
    let bare = name.strip_prefix(b"www.").is_some_and(|rest| !rest.contains(&b'.'));
    (pool::named_host(name) && !bare).then_some((end, false))
}

pub(super) fn boilerplate(host: &[u8], path: &[u8]) -> bool {
    let host = host.to_ascii_lowercase();
    let below = |name: &str| {
        host.strip_suffix(name.as_bytes())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(b"."))
    };
    if host.starts_with(b"ocsp.") || host.starts_with(b"crl.") || host.starts_with(b"ocsp2.") {
        return true;
    }
    if host == b"github.com" {
        // Pages to read; releases and raw files are things to fetch.
        let pages: [&[u8]; 4] = [b"/issues", b"/pull/", b"/wiki", b"/blob/"];
        return pages.iter().any(|page| memchr::memmem::find(path, page).is_some());
    }
    BOILERPLATE.iter().any(|name| below(name))
}
