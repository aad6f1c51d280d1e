//! Miners' configurations, whole or cut, and their command lines.

mod pools;

use super::{Kind, address, pool, stratum, wallet};
use crate::carve::scan::{Found, Hit, REACH, Text, printable};
use std::ops::Range;

const LITERALS: &[&str] = &[
    "donate-level",
    "donate-over-proxy",
    "rig-id",
    "randomx-1gb-pages",
    "randomx-mode",
    "randomx-no-numa",
    "randomx-wrmsr",
    "\"randomx\"",
    "max-threads-hint",
    "huge-pages-jit",
    "tls-fingerprint",
    "cpu-no-yield",
    "--nicehash",
    "\"nicehash\"",
    "\"cryptonight",
    "\"pool_address\"",
    "\"wallet_address\"",
    "\"pool_password\"",
    "\"pools\"",
    "\"algo\"",
    "--algo",
    "stratum_pass",
    "donate_level",
    "\"algorithm\"",
    "algorithm: ",
    "algorithm = ",
    "algo: ",
    "algo = ",
    "wallet: ",
    "wallet = ",
    "\"wallet\"",
    "rigname",
    POOL,
    POOL_PARTED,
];

/// An option whose host and port are two arguments; parted by a blank, or as memory has them.
const POOL: &str = "--pool ";
const POOL_PARTED: &str = "--pool\0";

/// Keys that no other program's configuration has.
const STRONG: &[&str] = &[
    "donate-level",
    "donate-over-proxy",
    "rig-id",
    "randomx",
    "max-threads-hint",
    "cryptonight",
    "pool_address",
    "wallet_address",
    "nicehash",
    "randomx-1gb-pages",
    "huge-pages-jit",
    "donate_level",
    "rigName",
];

/// Keys kept in the value, in this order, so that one configuration has one value.
const KEYS: &[&str] = &[
    "url",
    "pool",
    "pool_address",
    "user",
    "wallet",
    "wallet_address",
    "login",
    "pass",
    "pool_password",
    "algo",
    "coin",
    "rig-id",
    "donate-level",
    "tls",
];

/// How algorithms of miners begin, as they are written after `--algo` or `"algo":`.
const ALGORITHMS: &[&str] = &[
    "rx/",
    "cn/",
    "cn-",
    "randomx",
    "cryptonight",
    "argon2/",
    "chukwa",
    "astrobwt",
    "ghostrider",
    "gr",
    "kawpow",
    "ethash",
    "etchash",
    "equihash",
    "verus",
    "autolykos",
    "kheavyhash",
    "karlsenhash",
    "yescrypt",
    "yespower",
    "x11",
    "x16r",
    "x17",
    "minotaurx",
    "panthera",
    "lyra2",
    "neoscrypt",
    "progpow",
    "octopus",
    "beamhash",
    "zhash",
    "cuckatoo",
    "cuckaroo",
    "firopow",
    "allium",
    "power2b",
    "m7m",
    "heavyhash",
    "sha256d",
    "scrypt",
    "blake3",
    "nexapow",
    "dynexsolve",
    "xelishash",
];

pub(super) const KIND: Kind = Kind { literals: || LITERALS.to_vec(), examine };

fn examine(text: &Text<'_>, range: Range<usize>, number: usize, found: &mut Found) {
    let Some(&literal) = LITERALS.get(number) else { return };
    if literal == POOL || literal == POOL_PARTED {
        return parted_target(text, range.end, found);
    }
    let dashes = text.back(range.start, 40, |b| b.is_ascii_alphanumeric() || b == b'-');
    let opened = text.slice(dashes..range.end);
    if literal.starts_with("--") || opened.starts_with(b"--") {
        option(text, dashes.min(range.start), found);
        return;
    }
    let quoted = literal.starts_with('"') || text.before(dashes) == b'"';
    let ini = matches!(text.byte(range.end), b'=' | b':' | b' ') || literal.ends_with(' ');
    if quoted || ini {
        configuration(text, range.start, found);
    }
}

/// A long option: told with the command line it stands in, or as the text of a miner's help.
fn option(text: &Text<'_>, at: usize, found: &mut Found) {
    let end = text.forward(at, 40, |b| b.is_ascii_alphanumeric() || b == b'-');
    let name = text.slice(at..end);
    let rest = text.slice(end..text.forward(end, 40, printable));
    if name.starts_with(b"--algo") {
        // Of words that begin so, `--algorithm` is everybody's.
        if name != b"--algo" {
            return;
        }
        let value = rest.strip_prefix(b"=").or_else(|| rest.strip_prefix(b" ")).unwrap_or_default();
        if !algorithm(value) {
            return;
        }
    }
    let value_end = text
        .forward(end + 1, 40, |b| printable(b) && !matches!(b, b' ' | b'"' | b'\'' | b'\t' | b','));
    let argument = text.slice(end + 1..value_end);
    let takes = matches!(text.byte(end), b'=' | b' ')
        && !argument.is_empty()
        && !argument.starts_with(b"-");
    let simple = argument
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_'));
    let mut value = name.to_vec();
    if takes && simple && (argument.iter().any(u8::is_ascii_digit) || algorithm(argument)) {
        value.push(b'=');
        value.extend_from_slice(argument);
    }
    found.add(text, Hit::new("miner-option", at, value, "an option of miners"));
    pool::near(text, at, "near a miner's option", found);
}

fn algorithm(value: &[u8]) -> bool {
    let value = value.to_ascii_lowercase();
    ALGORITHMS.iter().any(|name| {
        value.strip_prefix(name.as_bytes()).is_some_and(|rest| {
            name.len() > 2 || rest.first().is_none_or(|b| !b.is_ascii_alphanumeric())
        })
    })
}

/// Options that stand beside the target in a miner's command line.
const BESIDE: [&[u8]; 10] = [
    b" -u ",
    b" --user",
    b" -a ",
    b" --algo",
    b" -p ",
    b" --coin",
    b" -k",
    b" --wallet",
    b" -wal ",
    b" -ewal ",
];

/// `-o host:port` and `--url host:port`, with a user or an algorithm in the same line. `colon`
/// stands before the port.
pub(super) fn option_target(text: &Text<'_>, colon: usize, found: &mut Found) {
    let reach = text.back(colon, 200, |b| pool::name_byte(b) || b == b'/' || b == b':');
    let line = plain(text.slice(reach.saturating_sub(16)..reach));
    let asked: [&[u8]; 9] = [
        b"-o ",
        b"--url ",
        b"--url=",
        b"-pool ",
        b"-pool=",
        b"-o=",
        b"--server ",
        b"--server=",
        b"-epool ",
    ];
    if !asked.iter().any(|option| line.ends_with(option)) {
        return;
    }
    let Some(port) = address::port(text, colon).filter(|_| mining_line(text, colon, found)) else {
        return;
    };
    let start = text.back(colon, 200, pool::name_byte);
    let host = text.slice(start..colon);
    let numeric = std::str::from_utf8(host).is_ok_and(|s| s.parse::<std::net::Ipv4Addr>().is_ok());
    if numeric || pool::named_host(host) {
        pool::add(text, start, host, Some(port), "the target of a miner's -o", found);
        let at = start - line.len().min(3);
        found.add(
            text,
            Hit::new(
                "miner-option",
                at,
                format!("-o {}:{port}", String::from_utf8_lossy(host)),
                "a miner's command line",
            )
            .host(host, Some(port)),
        );
    }
}

/// Arguments in memory are parted by a NUL each: as a shell parts them.
fn plain(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|b| if *b == 0 { b' ' } else { *b }).collect()
}

/// Whether the command line around `at` has one of the options that miners have.
fn mining_line(text: &Text<'_>, at: usize, found: &mut Found) -> bool {
    let stand = text.stand(at, |b| printable(b) || b == 0);
    // Two NULs end a command line.
    let before = text.slice(stand..at).windows(2).rposition(|two| two == [0, 0]);
    let stand = before.map_or(stand, |two| stand + two + 2);
    let look = || {
        let line = plain(text.slice(arguments(text, stand)));
        u64::from(BESIDE.iter().any(|word| memchr::memmem::find(&line, word).is_some()))
    };
    found.begun().look("command line", text.place(stand), look) == 1
}

/// `--pool host --port 4444`
fn parted_target(text: &Text<'_>, start: usize, found: &mut Found) {
    let end = text.forward(start, 200, pool::name_byte);
    let host = text.slice(start..end);
    if !pool::named_host(host) || text.byte(end) == b':' {
        return;
    }
    if !mining_line(text, start, found) {
        return;
    }
    let behind = parted(text.slice(end..text.bytes.len().min(end + REACH / 2)).iter());
    let line = plain(text.slice(end..end + behind));
    let Some(at) = memchr::memmem::find(&line, b"--port ") else { return };
    let digits = text.slice(end + at + 7..text.forward(end + at + 7, 5, |b| b.is_ascii_digit()));
    let port = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    if port.is_some() {
        pool::add(text, start, host, port, "the target of a miner's --pool", found);
    }
}

/// A command line around `at`: printable, or words parted by one NUL each.
fn arguments(text: &Text<'_>, at: usize) -> Range<usize> {
    let (from, to) = (at.saturating_sub(REACH), (at + REACH).min(text.bytes.len()));
    let before = parted(text.slice(from..at).iter().rev());
    let after = parted(text.slice(at..to).iter());
    at - before..at + after
}

/// How many of these bytes are printable or a NUL alone.
fn parted<'b>(bytes: impl Iterator<Item = &'b u8>) -> usize {
    let mut nul = false;
    let single = |b: &&u8| {
        let again = nul && **b == 0;
        nul = **b == 0;
        !again && (**b == 0 || printable(**b))
    };
    bytes.take_while(single).count()
}

/// A configuration around `at`, whether whole or cut.
fn configuration(text: &Text<'_>, at: usize, found: &mut Found) {
    let stand = text.stand(at, |b| printable(b) || matches!(b, b'\n' | b'\r'));
    let lines = text.lines(stand, REACH);
    let fragment = text.slice(lines.clone());
    // Whether it is one, has several pools, and has settings.
    let look = || {
        if !mines(fragment) {
            return 0;
        }
        1 | u64::from(pools::several(fragment)) << 1
            | u64::from(!settings(fragment, setting).is_empty()) << 2
    };
    let tells = found.begun().look("configuration", text.place(stand), look);
    if tells & 1 == 0 {
        return;
    }
    for place in (lines.start..lines.end).step_by(512) {
        pool::near(text, place, "in a miner's configuration", found);
    }
    if tells & 2 == 2 {
        return pools::each(text, lines, stand, found);
    }
    let mut value = Vec::new();
    if tells & 4 == 4 {
        let here = text.place(stand);
        if found.begun().gone("configuration", here) {
            return;
        }
        found.begun().fresh("configuration", here..here.saturating_add(1));
        value = settings(fragment, setting);
    }
    if value.is_empty() {
        // A list of keys in a program that can mine, or the cut end of a configuration.
        let end = text.forward(at, 64, |b| printable(b) && b != b',');
        value = text.slice(at..end).to_vec();
    }
    found.add(text, Hit::new("miner-config", lines.start, value, CONFIGURATION));
}

const CONFIGURATION: &str = "a miner's configuration";

/// The settings of a configuration that are kept, as one value.
fn settings<'a>(
    fragment: &'a [u8],
    setting: impl Fn(&'a [u8], &str) -> Option<&'a [u8]>,
) -> Vec<u8> {
    let settings: Vec<String> = KEYS
        .iter()
        .filter_map(|key| setting(fragment, key).map(|value| (key, value)))
        .filter(|(_, value)| !value.is_empty() && *value != b"null")
        .map(|(key, value)| format!("{key}={}", String::from_utf8_lossy(value)))
        .collect();
    settings.join(" ").into_bytes()
}

/// Whether a fragment is of a miner's configuration.
fn mines(fragment: &[u8]) -> bool {
    let has = |key: &str| memchr::memmem::find(fragment, key.as_bytes()).is_some();
    let strong = STRONG.iter().any(|key| {
        has(&format!("\"{key}\""))
            || has(&format!("{key}="))
            || has(&format!("{key} ="))
            || has(&format!("{key}\":"))
    });
    if strong {
        return true;
    }
    let target = ["url", "host", "pool", "server", "pool1"]
        .iter()
        .any(|key| setting(fragment, key).is_some_and(|value| value.contains(&b'.')));
    if !target {
        return false;
    }
    let known_algorithm = setting(fragment, "algo").is_some_and(algorithm);
    let users = ["user", "login", "wallet"].map(|key| setting(fragment, key));
    let user = users.iter().any(Option::is_some);
    // Names that keys and digests have too need someone who is paid beside them.
    let everybodys: [&[u8]; 4] = [b"scrypt", b"blake3", b"x11", b"sha256d"];
    let named = |value: &[u8]| {
        algorithm(value) && (user || !everybodys.contains(&value.to_ascii_lowercase().as_slice()))
    };
    let known_algorithm = known_algorithm || setting(fragment, "algorithm").is_some_and(named);
    // Whoever gives a pool a wallet wants to be paid.
    let paid = users.into_iter().flatten().any(|value| {
        wallet::wallet_coin(value.split(|b| matches!(b, b'.' | b'+')).next().unwrap_or_default())
    });
    let pools = has("\"pools\"") && (has("\"pass\"") || has("\"password\""));
    known_algorithm || paid || user && pools
}
/// The value of `"key": value`, `key = value` or `key=value` in a fragment; also of `"KEY"`.
fn setting<'a>(fragment: &'a [u8], key: &str) -> Option<&'a [u8]> {
    written(fragment, key).or_else(|| written(fragment, &key.to_ascii_uppercase()))
}

fn written<'a>(fragment: &'a [u8], key: &str) -> Option<&'a [u8]> {
    if let Some(value) = stratum::quoted(fragment, key) {
        return Some(value);
    }
    memchr::memmem::find_iter(fragment, key.as_bytes()).find_map(|at| {
        let before = at.checked_sub(1).and_then(|at| fragment.get(at)).copied().unwrap_or(b'\n');
        if before.is_ascii_alphanumeric() || before == b'-' && !fragment.get(..at)?.ends_with(b"--")
        {
            return None;
        }
        let rest = fragment.get(at + key.len()..)?;
        let rest = rest.strip_prefix(b"\"").unwrap_or(rest).trim_ascii_start();
        let rest = rest.strip_prefix(b"=").or_else(|| rest.strip_prefix(b":"))?.trim_ascii_start();
        let end = rest
            .iter()
            .position(|b| matches!(b, b',' | b'\n' | b'\r' | b'}' | b'"' | b' '))
            .unwrap_or(rest.len());
        rest.get(..end.min(200)).filter(|value| {
            !value.is_empty() && value.first() != Some(&b'{') && value.first() != Some(&b'[')
        })
    })
}
