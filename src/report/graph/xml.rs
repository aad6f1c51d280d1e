//! Text in XML: what acts or hides is made visible, what is markup is escaped.

use crate::report::escape::visible;

/// A text for an attribute or an element. XML 1.0 has no way to write most control characters.
pub(super) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_what_xml_cannot_hold() {
        assert_eq!(
            xml("<a href='x'>&\"\n\u{1b}[31m\u{ffff}"),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\\n\\x1b[31m\u{fffd}"
        );
    }
}
