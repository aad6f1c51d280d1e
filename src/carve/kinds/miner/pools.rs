//! Configurations with several pools: each pool is an object in braces, and has its own user.

use super::{CONFIGURATION, settings, written};
use crate::carve::scan::{Found, Hit, REACH, Text};
use std::ops::Range;

/// Keys of a pool's target, and of who is paid there.
const TARGETS: [&[u8]; 3] = [b"url", b"pool", b"pool_address"];
const USERS: [&[u8]; 4] = [b"user", b"wallet", b"login", b"wallet_address"];

/// The key in quotes that begins here, and where it ends.
fn key(fragment: &[u8], quote: usize) -> Option<(&[u8], usize)> {
    let rest = fragment.get(quote + 1..(quote + 20).min(fragment.len()))?;
    let end = memchr::memchr(b'"', rest)?;
    let behind = fragment.get(quote + end + 2..)?;
    let colon = behind.iter().take(8).find(|b| !b.is_ascii_whitespace())? == &b':';
    colon.then_some((rest.get(..end)?, quote + end + 2))
}

/// Whether a fragment has the pools or users of more than one object.
pub(super) fn several(fragment: &[u8]) -> bool {
    let mut seen = [0_usize; TARGETS.len() + USERS.len()];
    for at in memchr::memchr_iter(b'"', fragment) {
        if let Some((key, _)) = key(fragment, at)
            && let Some((_, seen)) =
                TARGETS.iter().chain(&USERS).zip(&mut seen).find(|(known, _)| **known == key)
        {
            *seen += 1;
        }
    }
    fragment.contains(&b'{') && seen.iter().any(|seen| *seen > 1)
}

/// An object: where it begins, and whether it names a target.
#[derive(Clone, Copy)]
struct Object {
    start: usize,
    target: bool,
}

/// Tells each pool of a fragment, that is seen whole, by its own settings. Of one that is cut by more than the edge
/// of the look the rest counts, too.
pub(super) fn each(text: &Text<'_>, lines: Range<usize>, stand: usize, found: &mut Found) {
    let fragment = text.slice(lines.clone());
    // What has no brace before it is the end of an object, where one closes.
    let mut open = vec![Object { start: 0, target: false }];
    let mut headless = stand - lines.start < REACH;
    let mut last = 0;
    let tell = |object: Object, end: usize, found: &mut Found| {
        let at = lines.start + object.start;
        if object.target
            && !found.begun().gone("pools", text.place(at))
            && let Some(body) = fragment.get(object.start..end)
        {
            let value = settings(body, written);
            if !value.is_empty() {
                found.add(text, Hit::new("miner-config", at, value, CONFIGURATION));
            }
        }
    };
    let mut from = 0;
    while let Some(next) = fragment
        .get(from..)
        .and_then(|rest| rest.iter().position(|b| matches!(b, b'{' | b'}' | b'"')))
    {
        let at = from + next;
        from = at + 1;
        match fragment.get(at) {
            Some(b'{') => open.push(Object { start: at, target: false }),
            Some(b'}') => {
                let closed = open.pop();
                let whole = !open.is_empty() || headless;
                if let Some(object) = closed.filter(|_| whole) {
                    tell(object, at + 1, found);
                }
                last = at + 1;
                if open.is_empty() {
                    headless = false;
                    open.push(Object { start: at + 1, target: false });
                }
            }
            _ => {
                if let Some((key, end)) = key(fragment, at) {
                    from = end;
                    if let Some(object) = open.last_mut() {
                        object.target |= TARGETS.contains(&key);
                    }
                }
            }
        }
    }
    if lines.end - stand < REACH
        && let Some(object) = open.pop()
    {
        tell(object, fragment.len(), found);
        last = fragment.len();
    }
    found.begun().fresh("pools", text.place(lines.start)..text.place(lines.start + last));
}
