//! MISP: the attributes of events that are meant for detection.

use super::form::told;
use super::{Form, Ioc, Iocs};
use serde_json::Value;

/// Reads events, however they are wrapped; false where there are none.
pub(super) fn read(json: &Value, list: &str, into: &mut Iocs) -> bool {
    let mut events = Vec::new();
    unwrap(json, 0, &mut events);
    let mut number = 0;
    for event in &events {
        let title = event.get("info").and_then(Value::as_str).unwrap_or_default();
        let mut attributes: Vec<&Value> = array(event, "Attribute").collect();
        for object in array(event, "Object") {
            attributes.extend(array(object, "Attribute"));
        }
        for attribute in attributes {
            number += 1;
            one(attribute, title, list, number, into);
        }
    }
    !events.is_empty()
}

fn array<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// `{"response":[{"Event":{…}}]}`, `{"Event":{…}}`, a list of them, or an event bare.
fn unwrap<'a>(json: &'a Value, depth: u32, events: &mut Vec<&'a Value>) {
    if depth > 3 {
        return;
    }
    if let Some(all) = json.as_array() {
        all.iter().for_each(|one| unwrap(one, depth + 1, events));
    } else if let Some(inner) = json.get("Event").or_else(|| json.get("response")) {
        unwrap(inner, depth + 1, events);
    } else if json.get("Attribute").is_some() || json.get("Object").is_some() {
        events.push(json);
    }
}

fn one(attribute: &Value, title: &str, list: &str, number: usize, into: &mut Iocs) {
    let text = |key: &str| attribute.get(key).and_then(Value::as_str).unwrap_or_default();
    let off = |key: &str, off: bool| attribute.get(key).and_then(Value::as_bool) == Some(off);
    // The list's owner says which are fit for detection.
    if off("to_ids", false) || off("deleted", true) {
        return;
    }
    let (kind, value) = (text("type"), text("value"));
    let label = match text("comment") {
        "" => title.to_owned(),
        comment => format!("{title}: {comment}"),
    };
    let parts: Vec<String> = match (kind, value.split_once('|')) {
        ("ip-dst|port" | "ip-src|port" | "hostname|port", Some((host, port)))
            if host.contains(':') =>
        {
            vec![format!("[{host}]:{port}")]
        }
        ("ip-dst|port" | "ip-src|port" | "hostname|port", Some((host, port))) => {
            vec![format!("{host}:{port}")]
        }
        (_, Some((first, second))) if kind.contains('|') => {
            vec![first.to_owned(), second.to_owned()]
        }
        _ => vec![value.to_owned()],
    };
    let mut used = false;
    for part in parts {
        let Some((form, value, port)) = told(&part) else { continue };
        let form =
            if kind.starts_with("filename") && form == Form::Name { Form::Text } else { form };
        into.push(Ioc {
            form,
            value,
            port,
            label: label.clone(),
            list: list.to_owned(),
            line: number,
        });
        used = true;
    }
    if !used {
        into.problem(format!("{list}: attribute {number}: no indicator: {kind}"));
    }
}
