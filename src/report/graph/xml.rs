//! Text in XML: what acts or hides is made visible, what is markup is escaped.

use super::attribute::{Type, Value};
use crate::report::escape::markup;

/// A text for an attribute or an element. XML 1.0 has no way to write most control characters.
pub(super) fn xml(text: &str) -> String {
    markup(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// What GraphML and GEXF call a type.
pub(super) fn type_word(of: Type) -> &'static str {
    match of {
        Type::Text | Type::Time => "string",
        Type::Number => "long",
        Type::Bool => "boolean",
    }
}

/// A value as they write it; nothing where there is none.
pub(super) fn value(of: &Value) -> Option<String> {
    Some(match of {
        Value::Absent => return None,
        Value::Text(text) | Value::Time(text) => xml(text),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_what_xml_cannot_hold() {
        assert_eq!(
            xml("<a href='x'>&\"\n\u{1b}[31m\u{ffff}"),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\\n\\x1b[31m\\u{ffff}"
        );
    }
}
