//! The formats: whole, reproducible, and deaf to hostile names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod report_sample;
use davy::judge::Level;
use davy::report::{Case, CaseFolder, FORMATS, Html, Json, Report, Text, Timesketch, escape};
use proptest::prelude::*;
use report_sample as sample;
use std::sync::OnceLock;

fn render(report: &dyn Report, case: &Case) -> String {
    let mut out = Vec::new();
    report.write(case, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn exercise() -> &'static Case {
    static CASE: OnceLock<Case> = OnceLock::new();
    CASE.get_or_init(|| sample::exercise(Some("ap.luckpool.net:3956")))
}

/// With every text of the case replaced by a hostile one.
fn hostile(text: &str) -> Case {
    let mut case = exercise().clone();
    let texts = [
        &mut case.verdict.summary,
        &mut case.host.hostname,
        &mut case.host.os,
        case.lead.get_or_insert_default(),
    ];
    for place in texts {
        *place = text.to_owned();
    }
    for finding in &mut case.findings {
        finding.title = text.to_owned();
        finding.because = text.to_owned();
        finding.next = vec![text.to_owned(), format!("kill {text}")];
        finding.false_positives = text.to_owned();
        finding.subject.path = Some(text.to_owned());
        for evidence in &mut finding.evidence {
            evidence.source = text.to_owned();
            evidence.values.insert(text.to_owned(), text.into());
        }
    }
    for process in &mut case.processes {
        process.comm = text.to_owned();
        process.exe = Some(text.to_owned());
        process.cmdline = Some(text.to_owned());
    }
    for step in &mut case.story {
        for place in [&mut step.from, &mut step.to, &mut step.because, &mut step.to_node] {
            *place = text.to_owned();
        }
    }
    for event in &mut case.timeline {
        event.message = text.to_owned();
        event.source = text.to_owned();
    }
    for line in &mut case.coverage {
        line.what = text.to_owned();
        line.detail = text.to_owned();
    }
    for answer in &mut case.playbooks {
        answer.detail = text.to_owned();
    }
    case
}

/// Sets `REPORT_SAMPLES` to a folder to look at what is made.
#[test]
fn samples_to_look_at() {
    let Some(folder) = std::env::var_os("REPORT_SAMPLES") else { return };
    let folder = std::path::PathBuf::from(folder);
    for format in FORMATS {
        std::fs::write(folder.join(format.name().1), render(*format, exercise())).unwrap();
    }
    for width in [80, 120] {
        let text = Text { width, color: false, folder: CaseFolder::Unasked };
        std::fs::write(folder.join(format!("{width}.txt")), render(&text, exercise())).unwrap();
    }
    let hostile = hostile(
        "<script>alert(1)</script> \u{1b}[31m\u{202e}txt.exe ]]> \"' /a/very/long/path/that/goes/on/and/on/and/on \\xff\n",
    );
    std::fs::write(folder.join("hostile.html"), render(&Html, &hostile)).unwrap();
    let clean = sample::case(&sample::empty_host(), &Default::default(), None);
    std::fs::write(folder.join("clean.html"), render(&Html, &clean)).unwrap();
    std::fs::write(
        folder.join("clean.txt"),
        render(&Text { width: 80, color: false, folder: CaseFolder::Unasked }, &clean),
    )
    .unwrap();
}

#[test]
fn the_text_says_what_matters_and_fits() {
    use unicode_width::UnicodeWidthStr;
    for width in [80, 120] {
        let text = render(
            &Text { width, color: false, folder: CaseFolder::At("case-1".to_owned()) },
            exercise(),
        );
        for word in [
            "CRITICAL",
            "web-03",
            "crond (pid 2584)",
            "kill -STOP 2591",
            "http://102.208.3.5/cc/index.html",
            "/usr/sbin/rsyslogd-worker",
            "HOW IT HANGS TOGETHER",
            "WHAT COULD NOT BE CHECKED",
            "memory of pid 700",
            "case-1",
        ] {
            assert!(text.contains(word), "{word} is missing at {width}:\n{text}");
        }
        for line in text.lines().filter(|line| !line.trim_start().starts_with("$ ")) {
            assert!(line.width() <= width, "{} > {width}: {line}", line.width());
        }
        // The same step for two findings is told once.
        assert_eq!(text.matches("kill -STOP 2591").count(), 1);
    }
}

#[test]
fn colour_only_when_asked() {
    let colored = render(&Text { width: 80, color: true, folder: CaseFolder::Unasked }, exercise());
    assert!(colored.contains("\x1b[1;97;41m CRITICAL \x1b[0m"));
    assert!(
        !render(&Text { width: 80, color: false, folder: CaseFolder::Unasked }, exercise())
            .contains('\x1b')
    );
}

#[test]
fn the_json_is_davy_report_1() {
    let text = render(&Json, exercise());
    assert!(text.ends_with("}\n") && !text.ends_with("\n\n"));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["schema"], "davy.report/1");
    for key in [
        "tool",
        "sources",
        "host",
        "verdict",
        "findings",
        "story",
        "timeline",
        "coverage",
        "playbooks",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["host"]["boot_time"], "2026-11-01T06:24:17Z");
    assert_eq!(json["playbooks"][2]["answer"], "could-not-check");
    assert_eq!(json["findings"][0]["subject"]["pid"], 2591);
    for key in ["from", "edge", "to", "because"] {
        assert!(json["story"][0][key].is_string(), "{key}");
    }
    assert_eq!(json["timeline"][0]["kind"], "package-installed");
}

#[test]
fn timesketch_lines_have_what_its_importer_wants() {
    let text = render(&Timesketch, exercise());
    assert!(text.lines().count() >= 3);
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["message", "datetime", "timestamp_desc", "data_type", "hostname"] {
            assert!(line[key].is_string(), "{key}");
        }
        assert!(line["timestamp"].as_i64().unwrap() > 1_000_000_000_000_000);
        assert!(line["datetime"].as_str().unwrap().ends_with("+00:00"));
    }
    let long = hostile(&"é".repeat(40_000));
    for line in render(&Timesketch, &long).lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let message = line["message"].as_str().unwrap();
        assert!(message.len() <= 32_000 && message.ends_with("[truncated]"));
    }
}

#[test]
fn formats_have_names_of_their_own() {
    let names: std::collections::BTreeSet<_> = FORMATS.iter().map(|format| format.name()).collect();
    assert_eq!(names.len(), FORMATS.len());
}

#[test]
fn the_same_case_gives_the_same_bytes() {
    for format in FORMATS {
        let again = sample::exercise(Some("ap.luckpool.net:3956"));
        assert_eq!(render(*format, exercise()), render(*format, &again));
    }
}

#[test]
fn hostile_names_reach_no_page_as_markup() {
    let names = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'><svg onload=alert(1)>",
        "]]><script>",
        "--><script>",
        "</style></svg></textarea></title><script>",
        "{{ 7*7 }} {% raw %}",
        "&lt;script&gt; &#x3c;",
    ];
    for name in names {
        let page = render(&Html, &hostile(name));
        for markup in ["<script", "<img", "<svg onload", "</textarea", "]]>", "-->"] {
            assert!(!page.contains(markup), "{markup} of {name}");
        }
        // A name adds no element: an ordinary name as long gives the page as many tags.
        let tags = |page: &str| page.matches('<').count();
        let ordinary = name.replace(['<', '>', '"', '\'', '&', '{', '}', '%', ']'], "_");
        assert_eq!(tags(&page), tags(&render(&Html, &hostile(&ordinary))), "{name}");
    }
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let page = render(&Html, exercise());
    assert!(page.contains("Content-Security-Policy") && page.contains("default-src 'none'"));
    assert!(!page.contains("<script") && !page.contains("<link") && !page.contains("src="));
    assert!(!page.replace("url(#step)", "").contains("url(") && !page.contains("@import"));
    assert!(!page.contains("href=\"http"));
}

#[test]
fn nothing_hidden_or_acting_reaches_any_format() {
    let name =
        "a\u{1b}[2J\u{9b}31m\u{202e}b\r\nc\td\u{0}e\u{7f}\u{200b}\u{2066}\u{feff}\\xff\u{e0041}";
    for format in FORMATS {
        let out = render(*format, &hostile(name));
        let bad: Vec<char> =
            out.chars().filter(|c| *c != '\n' && escape::acts_or_hides(*c)).collect();
        assert_eq!(bad, [], "{:?}", format.name());
    }
    // What JSON escapes comes back as it was.
    let json: serde_json::Value = serde_json::from_str(&render(&Json, &hostile(name))).unwrap();
    assert_eq!(json["verdict"]["summary"], name);
}

/// Our own colours taken out.
fn without_colour(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        let (code, tail) = after.split_once('m').unwrap();
        assert!(code.chars().all(|c| c.is_ascii_digit() || c == ';'), "{code:?}");
        rest = tail;
    }
    out.push_str(rest);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn text_never_steers_the_terminal(name in any::<String>(), width in 0_usize..200, color: bool) {
        let out = render(&Text { width, color, folder: CaseFolder::At(name.clone()) }, &hostile(&name));
        let plain = if color { without_colour(&out) } else { out };
        prop_assert!(plain.chars().all(|c| c == '\n' || !escape::acts_or_hides(c)));
    }

    #[test]
    fn json_says_what_the_host_said(name in any::<String>()) {
        let json: serde_json::Value = serde_json::from_str(&render(&Json, &hostile(&name))).unwrap();
        prop_assert_eq!(json["host"]["hostname"].as_str(), Some(name.as_str()));
    }
}

#[test]
fn level_words_are_sigmas() {
    let words: Vec<_> = Level::ALL.iter().map(|level| level.word()).collect();
    assert_eq!(words, ["informational", "low", "medium", "high", "critical"]);
}
