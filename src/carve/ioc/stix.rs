//! STIX 2.1: the comparisons of indicators' patterns.

use super::form::{Form, told};
use super::{Ioc, Iocs};
use serde_json::Value;

/// Reads a bundle; false where it is none.
pub(super) fn read(json: &Value, list: &str, into: &mut Iocs) -> bool {
    let objects = match (json.get("type").and_then(Value::as_str), json.get("objects")) {
        (Some("bundle"), Some(Value::Array(objects))) => objects.as_slice(),
        (Some("indicator"), _) => std::slice::from_ref(json),
        _ => return false,
    };
    let text = |object: &Value, key: &str| {
        object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    for (number, object) in objects.iter().enumerate() {
        if text(object, "type") != "indicator" || object.get("revoked") == Some(&Value::Bool(true))
        {
            continue;
        }
        let id = text(object, "id");
        let kind = text(object, "pattern_type");
        if !kind.is_empty() && kind != "stix" {
            into.problem(format!(
                "{list}: {id}: a pattern in {kind}, which davy does not read here"
            ));
            continue;
        }
        let name = text(object, "name");
        let label = if name.is_empty() { text(object, "description") } else { name };
        let comparisons = comparisons(&text(object, "pattern"));
        if comparisons.is_empty() {
            into.problem(format!("{list}: {id}: no comparison that davy can hold against facts"));
        }
        for (property, value) in comparisons {
            let Some((form, value, port)) = told(&value) else { continue };
            // A file's or a process's name may look like a host's.
            let word = property.starts_with("file:name") || property.starts_with("process:");
            let form = if word && form == Form::Name { Form::Text } else { form };
            into.push(Ioc {
                form,
                value,
                port,
                label: label.clone(),
                list: list.to_owned(),
                line: number + 1,
            });
        }
    }
    true
}

/// `object:property = 'value'` and `… IN ('a', 'b')`: properties and values. Conditions that bind
/// several are taken apart: each is worth telling.
fn comparisons(pattern: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut property = String::new();
    let mut equal = false;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        if c == '\'' {
            let (value, after) = quoted(after);
            // `file:hashes.'SHA-256'` is a property still.
            if property.ends_with('.') || property.ends_with('[') {
                property.push_str(&value);
            } else if equal {
                found.push((property.clone(), value));
            }
            rest = after;
            continue;
        }
        let begin = rest.trim_start_matches(|c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | '*')
        });
        let word = rest.get(..rest.len() - begin.len()).unwrap_or_default();
        if word.is_empty() {
            if c == '=' {
                equal = !property.is_empty();
            } else if matches!(c, '[' | ']') {
                equal = false;
            }
            rest = after;
            continue;
        }
        match word.to_ascii_uppercase().as_str() {
            "IN" => equal = true,
            "NOT" | "LIKE" | "MATCHES" | "ISSUBSET" | "ISSUPERSET" => property.clear(),
            _ if word.contains(':') => {
                property = word.to_owned();
                equal = false;
            }
            _ => {}
        }
        rest = begin;
    }
    found
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            '\'' => return (value, text.get(at + 1..).unwrap_or_default()),
            c => value.push(c),
        }
    }
    (value, "")
}
