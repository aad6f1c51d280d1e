//! JSON that is none by the letter: bytes that are no UTF-8 or control characters within texts, half
//! a surrogate, a number beyond what a float holds. Sensors write into it what an attacker sent, and
//! a record shall not be lost for that.

use serde_json::{Map, Value};
use std::borrow::Cow;

/// An object; whether it had to be mended.
pub(super) fn object(bytes: &[u8]) -> Option<(Map<String, Value>, bool)> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => return Some((map, false)),
        Ok(_) => return None,
        Err(error) if error.is_eof() => return None,
        Err(_) => {}
    }
    match serde_json::from_slice(mended(&String::from_utf8_lossy(bytes)).as_bytes()) {
        Ok(Value::Object(map)) => Some((map, true)),
        _ => None,
    }
}

fn mended(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quoted = false;
    while let Some(next) = rest.chars().next() {
        let mut taken = next.len_utf8();
        match next {
            '"' => {
                quoted = !quoted;
                out.push(next);
            }
            '\\' if quoted => {
                let escape = rest.get(..6).filter(|e| half(e)).map_or(2, |_| 6);
                taken = rest.char_indices().nth(escape).map_or(rest.len(), |(at, _)| at);
                out.push_str(match escape {
                    6 => "\u{fffd}",
                    _ => rest.get(..taken).unwrap_or_default(),
                });
            }
            _ if quoted && next.is_control() => out.push('\u{fffd}'),
            '0'..='9' if !quoted => {
                let end = |c: char| !matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-');
                taken = rest.find(end).unwrap_or(rest.len());
                let number = rest.get(..taken).unwrap_or_default();
                let fits = number.parse::<f64>().is_ok_and(f64::is_finite);
                if fits {
                    out.push_str(number);
                } else {
                    // As a text it is told where a number is wanted.
                    let sign = if out.ends_with('-') { out.pop().map_or("", |_| "-") } else { "" };
                    out.extend(["\"", sign, number, "\""]);
                }
            }
            _ => out.push(next),
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    Cow::Owned(out)
}

/// `\ud83d`: of a pair only together what it means; here all are shown as unknown.
fn half(escape: &str) -> bool {
    let lower = escape.to_ascii_lowercase();
    ["\\ud8", "\\ud9", "\\uda", "\\udb", "\\udc", "\\udd", "\\ude", "\\udf"]
        .iter()
        .any(|begin| lower.starts_with(begin))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_none_by_the_letter_is_read() {
        let read = |bytes: &[u8]| object(bytes).map(|(map, m)| (Value::Object(map).to_string(), m));
        assert_eq!(read(br#"{"a":1.5}"#), Some((r#"{"a":1.5}"#.into(), false)));
        let of = |text: &str| Some((text.to_owned(), true));
        assert_eq!(
            read(br#"{"a":1e400,"b":-1e999,"c":[2]}"#),
            of(r#"{"a":"1e400","b":"-1e999","c":[2]}"#)
        );
        assert_eq!(read(b"{\"a\":\"x\xff\x00y\"}"), of("{\"a\":\"x\u{fffd}\u{fffd}y\"}"));
        assert_eq!(
            read(br#"{"a":"\ud800","b":"\"1e400"}"#),
            of("{\"a\":\"\u{fffd}\",\"b\":\"\\\"1e400\"}")
        );
        assert_eq!(read(br#"{"a":"#), None);
        assert_eq!(read(br#"{"a" 1}"#), None);
        assert_eq!(read(b"[1]"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, text in r#"[{}":,\\ud8e\-1-9ä]{0,60}"#) {
            object(&bytes);
            object(text.as_bytes());
        }
    }
}
