//! The SQL functions that playbooks have besides SQLite's own. None panics; NULL in gives NULL.

mod address;
mod text;

pub use address::{Ranges, is_public};
pub(super) use text::pattern;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};
use std::borrow::Cow;

/// A function, as the docs list it.
pub struct Function {
    /// Its name in SQL.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: &'static str,
    /// What it gives.
    pub doc: &'static str,
}

/// All, in the order of docs/PLAYBOOKS.md.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "basename",
        arguments: "path",
        doc: "what follows the last slash: `/usr/bin/x` gives `x`",
    },
    Function {
        name: "dirname",
        arguments: "path",
        doc: "what precedes the last slash: `/usr/bin/x` gives `/usr/bin`, `/x` gives `/`",
    },
    Function {
        name: "regexp",
        arguments: "pattern, text",
        doc: "1 where the pattern occurs in the text; also `text REGEXP pattern`. Linear in time; no look-around, no back references; `(?i)` ignores the case of ASCII letters",
    },
    Function {
        name: "capture",
        arguments: "pattern, text",
        doc: "what the first group of the pattern matched, where it occurs; NULL where it does not",
    },
    Function {
        name: "cidr",
        arguments: "address, range",
        doc: "1 where the address lies in the range, as `cidr(remote_address, '10.0.0.0/8')`; 0 where either is none",
    },
    Function {
        name: "public",
        arguments: "address",
        doc: "1 where the address is routed on the internet: not private, loopback, link-local, shared, documentation, multicast or reserved",
    },
    Function { name: "entropy", arguments: "bytes", doc: "bits a byte, 0 to 8; 0 for nothing" },
    Function {
        name: "defang",
        arguments: "url",
        doc: "`http://a.b/c` as `hxxp://a[.]b/c`, so that no reader clicks it",
    },
    Function { name: "sqrt", arguments: "number", doc: "square root; NULL of what is negative" },
    Function {
        name: "utc",
        arguments: "time",
        doc: "a time column as RFC 3339, for texts; columns of times are nanoseconds",
    },
];

/// Makes the functions known to a connection; again does no harm.
///
/// # Errors
/// Where SQLite refuses.
pub fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    let text1 = |name: &'static str, f: fn(&str) -> Cow<'_, str>| {
        connection.create_scalar_function(name, 1, flags, move |c| {
            // These are called some 100,000 times a run: texts are borrowed, not copied.
            Ok(match c.get_raw(0) {
                ValueRef::Text(bytes) => {
                    Some(f(std::str::from_utf8(bytes).map_err(wrong)?).into_owned())
                }
                _ => text(c, 0)?.map(|text| f(&text).into_owned()),
            })
        })
    };
    text1("basename", |path| text::basename(path).into())?;
    text1("dirname", |path| text::dirname(path).into())?;
    text1("defang", |url| text::defang(url).into())?;
    connection.create_scalar_function("public", 1, flags, |c| {
        Ok(text(c, 0)?.as_deref().and_then(address::public))
    })?;
    connection.create_scalar_function("cidr", 2, flags, |c| {
        Ok(match (text(c, 0)?, text(c, 1)?) {
            (Some(address), Some(range)) => Some(address::within(&address, &range)),
            _ => None,
        })
    })?;
    connection.create_scalar_function("entropy", 1, flags, |c| {
        Ok(match c.get_raw(0) {
            ValueRef::Null => None,
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(text::entropy(bytes)),
            _ => Some(text::entropy(text(c, 0)?.unwrap_or_default().as_bytes())),
        })
    })?;
    connection.create_scalar_function("sqrt", 1, flags, |c| {
        #[allow(clippy::cast_precision_loss)]
        let number = match c.get_raw(0) {
            ValueRef::Integer(number) => Some(number as f64),
            ValueRef::Real(number) => Some(number),
            _ => None,
        };
        Ok(number.filter(|number| *number >= 0.0).map(f64::sqrt))
    })?;
    connection.create_scalar_function("utc", 1, flags, |c| {
        Ok(match c.get_raw(0) {
            ValueRef::Integer(time) => Some(crate::facts::Time(time).to_string()),
            _ => None,
        })
    })?;
    connection.create_scalar_function("capture", 2, flags, |c| {
        let (ValueRef::Text(pattern), Some(text)) = (c.get_raw(0), text(c, 1)?) else {
            return Ok(None);
        };
        let pattern = text::PATTERNS.get(std::str::from_utf8(pattern).map_err(wrong)?)?;
        let mut found = pattern.create_captures();
        pattern.captures(text.as_bytes(), &mut found);
        let group = found.get_group(1).and_then(|group| text.as_bytes().get(group.range()));
        Ok(group.map(|group| String::from_utf8_lossy(group).into_owned()))
    })?;
    connection.create_scalar_function("regexp", 2, flags, |c| {
        let ValueRef::Text(pattern) = c.get_raw(0) else { return Ok(None) };
        let pattern = text::PATTERNS.get(std::str::from_utf8(pattern).map_err(wrong)?)?;
        Ok(match c.get_raw(1) {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(pattern.is_match(bytes)),
            _ => text(c, 1)?.map(|text| pattern.is_match(text.as_bytes())),
        })
    })
}

/// An argument as text; NULL for NULL.
fn text(context: &Context<'_>, place: usize) -> Result<Option<String>> {
    Ok(match context.get_raw(place) {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
    })
}

fn wrong(error: impl std::fmt::Display) -> Error {
    Error::UserFunctionError(error.to_string().into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn ask(sql: &str) -> rusqlite::types::Value {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection).unwrap();
        connection.query_row(&format!("SELECT {sql}"), [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn null_in_gives_null() {
        for call in [
            "basename(NULL)",
            "dirname(NULL)",
            "regexp('a', NULL)",
            "regexp(NULL, 'a')",
            "cidr(NULL, '10.0.0.0/8')",
            "cidr('10.0.0.1', NULL)",
            "public(NULL)",
            "capture(NULL, 'a')",
            "capture('a', NULL)",
            "entropy(NULL)",
            "defang(NULL)",
            "sqrt(NULL)",
            "utc(NULL)",
        ] {
            assert_eq!(ask(call), rusqlite::types::Value::Null, "{call}");
        }
    }

    #[test]
    fn regexp_works_as_an_operator() {
        assert_eq!(ask("'curl http://x | sh' REGEXP 'curl.*[|] *sh'"), 1.into());
        assert_eq!(ask("'CURL' REGEXP '(?i)curl'"), 1.into());
        assert_eq!(ask("'wget' REGEXP '^curl'"), 0.into());
    }

    #[test]
    fn capture_gives_the_first_group() {
        let text = |text: &str| rusqlite::types::Value::Text(text.to_owned());
        assert_eq!(ask("capture('-o +([^ ]+)', 'curl -o /tmp/x http://y')"), text("/tmp/x"));
        assert_eq!(ask("capture('-o (x)?', 'curl')"), rusqlite::types::Value::Null);
        assert_eq!(ask("capture('curl', 'curl')"), rusqlite::types::Value::Null);
    }

    #[test]
    fn a_bad_pattern_is_an_error_that_names_it() {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection).unwrap();
        let error = connection.query_row("SELECT 'a' REGEXP '('", [], |row| row.get::<_, bool>(0));
        assert!(error.unwrap_err().to_string().contains("regular expression `(`"));
    }

    #[test]
    fn every_function_is_documented_and_registered() {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection).unwrap();
        for function in FUNCTIONS {
            let arguments = vec!["NULL"; function.arguments.split(", ").count()].join(", ");
            connection
                .query_row(&format!("SELECT {}({arguments})", function.name), [], |_| Ok(()))
                .unwrap();
        }
    }

    proptest! {
        #[test]
        fn no_value_makes_a_function_panic(text: String, number: i64, bytes: Vec<u8>) {
            let connection = Connection::open_in_memory().unwrap();
            register(&connection).unwrap();
            for name in ["basename", "dirname", "public", "entropy", "defang", "sqrt", "utc"] {
                let sql = format!("SELECT {name}(?1), {name}(?2), {name}(?3)");
                connection.query_row(&sql, (&text, number, &bytes), |_| Ok(())).unwrap();
            }
            connection.query_row("SELECT cidr(?1, ?1), cidr('10.0.0.1', ?1)", [&text], |_| Ok(())).unwrap();
            let _ = connection.query_row("SELECT ?1 REGEXP ?1", [&text], |_| Ok(()));
        }
    }
}
