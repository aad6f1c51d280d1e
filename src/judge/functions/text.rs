//! Functions over texts and bytes.

use regex_automata::meta::{self, Regex};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::syntax;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// Memory of a compiled pattern, which bounds the time a byte, too.
const PATTERN_SIZE: usize = 1 << 18;
/// Patterns kept compiled; playbooks join texts with lists of patterns.
const MOST_PATTERNS: usize = 512;

pub(super) fn basename(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

pub(super) fn dirname(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => ".",
    }
}

/// Compiled patterns, so that a join with a list of them compiles each once. Shared and never
/// cloned: a clone begins with an empty cache of its own.
#[derive(Default)]
pub(super) struct Patterns(RwLock<Known>);

/// Looked up for every text and every pattern of a list: the usual hash takes as long as the search.
type Known = HashMap<String, Arc<Regex>, foldhash::fast::RandomState>;

/// Of the whole run: compiling them takes a tenth of judging, and two threads judge.
pub(super) static PATTERNS: LazyLock<Patterns> = LazyLock::new(Patterns::default);

impl Patterns {
    pub(super) fn get(&self, text: &str) -> rusqlite::Result<Arc<Regex>> {
        if let Some(found) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(Arc::clone(found));
        }
        // Nobody waits for it: that two compile the same one is rare and does no harm.
        let made = Arc::new(pattern(text).map_err(super::wrong)?);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_PATTERNS {
            known.clear();
        }
        known.insert(text.to_owned(), Arc::clone(&made));
        Ok(made)
    }
}

/// Compiles a pattern over bytes: `.`, `\w` and `(?i)` mean ASCII, which is what names of a host
/// that may not be UTF-8 allow.
///
/// Without what makes a pattern fast over megabytes (its literals looked for first, automata made
/// beforehand): that is two thirds of compiling one, and the texts are lines.
pub(in crate::judge) fn pattern(text: &str) -> Result<Regex, String> {
    let lean = meta::Config::new()
        .nfa_size_limit(Some(PATTERN_SIZE))
        .which_captures(WhichCaptures::All)
        .utf8_empty(false)
        .auto_prefilter(false)
        .dfa(false)
        .onepass(false);
    meta::Builder::new()
        .configure(lean)
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .build(text)
        .map_err(|error| match error.size_limit() {
            Some(most) => {
                format!("regular expression `{text}`: compiled it is larger than {most} bytes")
            }
            None => match error.syntax_error() {
                Some(error) => format!("regular expression `{text}`: {error}"),
                None => format!("regular expression `{text}`: {error}"),
            },
        })
}

/// Shannon's entropy in bits a byte.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    let all: f64 = counts.iter().copied().map(f64::from).sum();
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / all;
            -share * share.log2()
        })
        .sum();
    bits.max(0.0)
}

/// Makes a URL, host or address one that nobody follows by accident. Twice does no more than once.
pub(super) fn defang(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) if scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+') => {
            (Some(scheme), rest)
        }
        _ => (None, url),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let host = host.replace("[.]", ".").replace('.', "[.]");
    match scheme {
        Some(scheme) => {
            let scheme = match scheme.to_ascii_lowercase().as_str() {
                "http" => "hxxp".to_owned(),
                "https" => "hxxps".to_owned(),
                "ftp" => "fxp".to_owned(),
                _ => scheme.to_owned(),
            };
            format!("{scheme}://{host}{path}")
        }
        None => format!("{host}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_folders() {
        assert_eq!((basename("/usr/bin/x"), dirname("/usr/bin/x")), ("x", "/usr/bin"));
        assert_eq!((basename("/x"), dirname("/x")), ("x", "/"));
        assert_eq!((basename("x"), dirname("x")), ("x", "."));
        assert_eq!((basename("/a/"), dirname("/a/")), ("", "/a"));
        assert_eq!((basename(""), dirname("")), ("", "."));
    }

    #[test]
    fn defanged_is_never_a_link() {
        for (url, safe) in [
            ("http://102.208.3.5/cc/index.html", "hxxp://102[.]208[.]3[.]5/cc/index.html"),
            ("stratum+tcp://pool.example:3333", "stratum+tcp://pool[.]example:3333"),
            ("https://a.b?c=d.e", "hxxps://a[.]b?c=d.e"),
            ("ap.luckpool.net", "ap[.]luckpool[.]net"),
            ("hxxp://a[.]b/c", "hxxp://a[.]b/c"),
            ("", ""),
        ] {
            assert_eq!(defang(url), safe);
        }
    }

    #[test]
    fn entropy_of_known_bytes() {
        let all: Vec<u8> = (0..=255).collect();
        assert!((entropy(&all) - 8.0).abs() < 1e-9);
        assert!(entropy(b"aaaa").abs() < 1e-9);
        assert!((entropy(b"abab") - 1.0).abs() < 1e-9);
        assert!(entropy(b"").abs() < 1e-9);
    }

    #[test]
    fn a_pattern_that_grows_without_bound_is_refused() {
        assert!(pattern("a{1000}{1000}").is_err());
        assert!(pattern("curl.{0,80}[|] *(ba)?sh").is_ok());
    }
}
