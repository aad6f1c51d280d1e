//! What PHP and JSP say where they run what a request carries. Observed, not judged: administrators' tools
//! do it, too.

use crate::facts::HostText;
use regex::bytes::{Regex, RegexBuilder};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Variables of one script that are followed from the request to what runs them.
const MOST_VARIABLES: usize = 64;
/// Bytes of a line that are shown.
const SHOWN: usize = 256;

/// What of the request, in a regular expression.
const INPUT: &str = r"\$_(?:GET|POST|REQUEST|COOKIE|FILES|SERVER)\b|\bphp://input\b|\bgetallheaders\s*\(|\bapache_request_headers\s*\(|\bHTTP_[A-Z_]+";
/// What runs its argument.
const RUNS: &str = r"\b(eval|assert|system|passthru|shell_exec|exec|popen|proc_open|pcntl_exec|create_function)\s*\(";

/// A place in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub line: u32,
    pub calls: HostText,
    pub input: Option<HostText>,
    pub decodes: bool,
    pub escapes: bool,
    pub text: HostText,
}

struct Forms {
    /// A call with the request in its arguments.
    direct: Regex,
    /// A variable that is filled from the request.
    filled: Regex,
    /// A call with a variable first in its arguments.
    passed: Regex,
    /// A function that the request names.
    named: Regex,
    /// A function that a variable names, with the request, or with a variable, in its arguments.
    variable: Regex,
    variable_passed: Regex,
    /// What a variable is given.
    given: Regex,
    /// A call of what is decoded there.
    decoded: Regex,
    /// What the request is in JSP, and what runs there.
    input_jsp: Regex,
    runs_jsp: Regex,
    decodes: Regex,
    escapes: Regex,
}

fn forms() -> Option<&'static Forms> {
    static FORMS: OnceLock<Option<Forms>> = OnceLock::new();
    let made = || {
        // Bytes, and classes of ASCII.
        let form = |text: &str| RegexBuilder::new(text).unicode(false).build().ok();
        Some(Forms {
            direct: form(&format!("(?i){RUNS}[^;\\n]{{0,300}}?({INPUT})"))?,
            filled: form(&format!(
                "\\$(\\w+)\\s*=\\s*(?:@|\\(string\\)|\\w+\\s*\\(\\s*){{0,4}}({INPUT})"
            ))?,
            passed: form(&format!("(?i){RUNS}\\s*(?:@|\\w+\\s*\\(\\s*){{0,3}}[\"'{{]?\\$(\\w+)"))?,
            named: form(r"(\$_(?:GET|POST|REQUEST|COOKIE))\s*\[[^\]\n]{1,60}\]\s*\(")?,
            variable: form(&format!(
                "(?i)(?:^|[^>\\w:$])\\$(\\w+)\\s*\\([^;\\n]{{0,100}}?({INPUT})"
            ))?,
            variable_passed: form(r"(?:^|[^>\w:$])\$(\w+)\s*\(\s*@?\$(\w+)")?,
            given: form(r"\$(\w+)\s*=\s*([^;=\n][^;\n]{0,200});")?,
            decoded: form(
                r"(?i)\b(eval|assert|create_function)\s*\(\s*@?(?:\w+\s*\(\s*){0,4}(?:base64_decode|gzinflate|gzuncompress|str_rot13|convert_uudecode|hex2bin)\s*\(",
            )?,
            input_jsp: form(
                r"\brequest\s*\.\s*(getParameter|getHeader|getInputStream|getReader)\s*\(",
            )?,
            runs_jsp: form(
                r"(\bgetRuntime\s*\(\s*\)\s*\.\s*exec|\bnew\s+ProcessBuilder|\bdefineClass|\bScriptEngineManager)\b",
            )?,
            decodes: form(
                r"(?i)\b(base64_decode|gzinflate|gzuncompress|str_rot13|convert_uudecode|hex2bin|decodeBuffer|getDecoder)\b",
            )?,
            escapes: form(
                r"(?i)\b(escapeshellarg|escapeshellcmd|intval|ctype_alnum|preg_quote)\b|\(int\)",
            )?,
        })
    };
    FORMS.get_or_init(made).as_ref()
}

/// What a script runs, the first place of each sort.
pub(super) fn found(bytes: &[u8]) -> Vec<Found> {
    // Most scripts have none of these words, and no expression is held against them.
    let has = |word: &[u8]| memchr::memmem::find(bytes, word).is_some();
    let php = has(b"$_")
        || has(b"php://input")
        || has(b"getallheaders")
        || has(b"apache_request_headers")
        || has(b"_decode")
        || has(b"gzinflate")
        || has(b"str_rot13");
    let jsp = has(b"request.get") || has(b"request .get");
    if !php && !jsp {
        return Vec::new();
    }
    let Some(forms) = forms() else { return Vec::new() };
    let mut all: BTreeMap<(Vec<u8>, Option<Vec<u8>>), Found> = BTreeMap::new();
    let mut add = |at: usize, calls: &[u8], input: Option<&[u8]>| {
        let key = (calls.to_ascii_lowercase(), input.map(<[u8]>::to_vec));
        all.entry(key).or_insert_with(|| place(bytes, at, calls, input, forms));
    };
    if php {
        for hit in forms.direct.captures_iter(bytes).take(MOST_VARIABLES) {
            if let (Some(whole), Some(calls), Some(input)) = (hit.get(0), hit.get(1), hit.get(2)) {
                add(whole.start(), calls.as_bytes(), Some(input.as_bytes()));
            }
        }
        for hit in forms.named.captures_iter(bytes).take(MOST_VARIABLES) {
            if let (Some(whole), Some(input)) = (hit.get(0), hit.get(1)) {
                add(whole.start(), b"a function that the request names", Some(input.as_bytes()));
            }
        }
        for hit in forms.decoded.captures_iter(bytes).take(MOST_VARIABLES) {
            if let (Some(whole), Some(calls)) = (hit.get(0), hit.get(1)) {
                add(whole.start(), calls.as_bytes(), None);
            }
        }
        let filled: BTreeMap<&[u8], &[u8]> = forms
            .filled
            .captures_iter(bytes)
            .take(MOST_VARIABLES)
            .filter_map(|hit| Some((hit.get(1)?.as_bytes(), hit.get(2)?.as_bytes())))
            .collect();
        variables(bytes, forms, &filled, &mut add);
        if !filled.is_empty() {
            for hit in forms.passed.captures_iter(bytes) {
                if let (Some(whole), Some(calls), Some(name)) = (hit.get(0), hit.get(1), hit.get(2))
                    && let Some(input) = filled.get(name.as_bytes())
                {
                    add(whole.start(), calls.as_bytes(), Some(input));
                }
            }
        }
    }
    if jsp
        && let (Some(input), Some(runs)) =
            (forms.input_jsp.captures(bytes), forms.runs_jsp.captures(bytes))
        && let (Some(input), Some(runs)) = (input.get(1), runs.get(1))
    {
        add(runs.start(), runs.as_bytes(), Some(input.as_bytes()));
    }
    let mut all: Vec<Found> = all.into_values().collect();
    all.sort_by(|a, b| (a.line, &a.calls).cmp(&(b.line, &b.calls)));
    all
}

/// Takes a place, what it calls and what of the request it hands on.
type Add<'a> = &'a mut dyn FnMut(usize, &[u8], Option<&[u8]>);

/// Functions that a variable names: `$f = "sys"."tem"; $f($_GET["c"]);`.
fn variables(bytes: &[u8], forms: &Forms, filled: &BTreeMap<&[u8], &[u8]>, add: Add<'_>) {
    let mut called: Vec<(usize, &[u8], &[u8])> = Vec::new();
    for hit in forms.variable.captures_iter(bytes).take(MOST_VARIABLES) {
        if let (Some(whole), Some(name), Some(input)) = (hit.get(0), hit.get(1), hit.get(2)) {
            called.push((whole.start(), name.as_bytes(), input.as_bytes()));
        }
    }
    if !filled.is_empty() {
        for hit in forms.variable_passed.captures_iter(bytes).take(MOST_VARIABLES) {
            if let (Some(whole), Some(name), Some(passed)) = (hit.get(0), hit.get(1), hit.get(2))
                && let Some(input) = filled.get(passed.as_bytes())
            {
                called.push((whole.start(), name.as_bytes(), input));
            }
        }
    }
    if called.is_empty() {
        return;
    }
    for hit in forms.given.captures_iter(bytes).take(4 * MOST_VARIABLES) {
        let (Some(name), Some(value)) = (hit.get(1), hit.get(2)) else { continue };
        let Some(function) = function(value.as_bytes()) else { continue };
        for (at, _, input) in called.iter().filter(|(_, of, _)| *of == name.as_bytes()) {
            add(*at, function.as_bytes(), Some(input));
        }
    }
}

/// The function that an expression of strings names, where that is one that runs its argument; what is
/// decoded or turned about first hides which it is.
fn function(value: &[u8]) -> Option<&'static str> {
    const NAMES: [&str; 10] = [
        "eval",
        "assert",
        "system",
        "passthru",
        "shell_exec",
        "exec",
        "popen",
        "proc_open",
        "pcntl_exec",
        "create_function",
    ];
    let lower = value.to_ascii_lowercase();
    // Without what strings are joined with.
    let joined: Vec<u8> = lower
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace() && !matches!(b, b'"' | b'\'' | b'.' | b'(' | b')'))
        .collect();
    let quoted = lower.contains(&b'"') || lower.contains(&b'\'');
    if let Some(name) = NAMES.iter().find(|name| quoted && name.as_bytes() == joined) {
        return Some(name);
    }
    let hides = ["base64_decode(", "str_rot13(", "strrev(", "hex2bin(", "gzinflate(", "chr("];
    let begins = hides.iter().any(|word| lower.trim_ascii().starts_with(word.as_bytes()));
    (begins && !lower.contains(&b'$')).then_some("a function whose name is hidden")
}

fn place(bytes: &[u8], at: usize, calls: &[u8], input: Option<&[u8]>, forms: &Forms) -> Found {
    let before = bytes.get(..at).unwrap_or_default();
    let line = memchr::memchr_iter(b'\n', before).count().saturating_add(1);
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1).max(at.saturating_sub(64));
    let rest = bytes.get(start..).unwrap_or_default();
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let whole = rest.get(..end).unwrap_or_default();
    Found {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        calls: HostText::from(calls),
        input: input.map(HostText::from),
        decodes: forms.decodes.is_match(whole),
        escapes: forms.escapes.is_match(whole),
        text: HostText::from(whole.get(..SHOWN.min(whole.len())).unwrap_or_default().trim_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Vec<String> {
        found(text.as_bytes())
            .into_iter()
            .map(|f| {
                let input = f.input.map_or_else(|| "-".to_owned(), |input| input.to_string());
                let marks = [(f.decodes, " decodes"), (f.escapes, " escapes")];
                let marks: String =
                    marks.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
                format!("{} {} {input}{marks}", f.line, f.calls)
            })
            .collect()
    }

    #[test]
    fn every_form_is_one() {
        assert!(forms().is_some());
    }

    #[test]
    fn what_runs_a_request() {
        assert_eq!(shown("<?php\n@eval($_POST['x']);"), ["2 eval $_POST"]);
        assert_eq!(shown("<?php system(base64_decode($_GET[1]));"), ["1 system $_GET decodes"]);
        assert_eq!(
            shown("<?php $c = trim($_REQUEST['c']);\nif ($c) echo shell_exec($c);"),
            ["2 shell_exec $_REQUEST"]
        );
        assert_eq!(
            shown("<?php $_GET['a']($_POST['b']);"),
            ["1 a function that the request names $_GET"]
        );
        assert_eq!(shown("<?php eval(gzinflate(base64_decode('abc')));"), ["1 eval - decodes"]);
        assert_eq!(
            shown("<% Process p = Runtime.getRuntime().exec(request.getParameter(\"c\")); %>"),
            ["1 getRuntime().exec getParameter"]
        );
        assert_eq!(
            shown("<?php $f=\"sys\".\"tem\"; $f($_REQUEST[\"c\"]); ?>"),
            ["1 system $_REQUEST"]
        );
        assert_eq!(
            shown("<?php $g = strrev('cexe'); $c = $_GET['c']; $g($c);"),
            ["1 a function whose name is hidden $_GET"]
        );
        assert_eq!(
            shown("<?php exec('ping -c1 ' . escapeshellarg($_GET['host']));"),
            ["1 exec $_GET escapes"]
        );
    }

    #[test]
    fn what_runs_none() {
        for text in [
            "<?php echo htmlspecialchars($_GET['q']); $r = curl_exec($ch);",
            "<?php $name = $_POST['name']; $db->exec($sql);",
            "<?php $x = base64_decode($row['icon']);",
            "<?php $filter = 'trim'; $name = $filter($_POST['name']);",
            "<?php $this->$method($_GET['id']); $callback($_POST);",
            "<?php $system = 'linux'; $render($_GET['q']);",
            "<% String name = request.getParameter(\"name\"); %>",
        ] {
            assert_eq!(shown(text), Vec::<String>::new(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            found(&bytes);
        }

        #[test]
        fn nearly_right(text in r"(eval|system|\(|\)|\$_GET|\[|\]|\$c|=|;|base64_decode|request.getHeader|
    | ){0,24}") {
            found(text.as_bytes());
        }
    }
}
