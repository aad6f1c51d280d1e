#![allow(clippy::unwrap_used)]
//! Rules that compile and rules that do not; what matches, and where.

use super::*;

fn rules(text: &str) -> Rules {
    let mut compiling = Compiling::new();
    compiling.text("x.yar", text);
    compiling.finish()
}

#[test]
fn a_match_tells_tags_meta_and_offsets() {
    let rules = rules(
        "rule two : miner linux { meta: description = \"a\" score = 80 sure = true strings: $a = \"needle\" $b = { 01 02 03 } condition: all of them }",
    );
    assert_eq!(rules.problems, [""; 0]);
    let judged = rules.whole(b"..needle..\x01\x02\x03needle", "/tmp/x.elf");
    let one = judged.matches.first().unwrap();
    assert_eq!((one.rule.as_str(), one.file.as_str(), one.count), ("two", "x.yar", 3));
    assert_eq!(one.tags, ["miner", "linux"]);
    assert_eq!(one.shown(), "$a@0x2 $b@0xa $a@0xd");
    assert_eq!(one.meta.get(1).unwrap().1, 80);
    assert!(rules.whole(b"needle", "x").matches.is_empty());
}

#[test]
fn one_rule_that_does_not_compile_keeps_no_other_back() {
    let text = "import \"elf\"\n/* } rule no { */\nrule good { strings: $a = \"{ rule }\" $r = /a{2}\\/}/ condition: $a or $r }\n\nrule bad { condition: nothing_such }\nrule worse { strings: $a = \"x\n\nrule after { strings: $a = \"after me\" condition: $a and not good }\n";
    let rules = rules(text);
    assert_eq!(rules.problems.len(), 2, "{:#?}", rules.problems);
    assert!(rules.problems.iter().any(|p| p.starts_with("x.yar:5:")), "{:#?}", rules.problems);
    let names: Vec<String> =
        rules.whole(b"after me", "").matches.into_iter().map(|m| m.rule).collect();
    assert_eq!(names, ["after"]);
}

#[test]
fn what_is_too_large_to_hold_is_seen_piece_by_piece() {
    let rules = rules(
        "rule far { strings: $a = \"needle\" condition: $a } rule small { condition: filesize < 20MB }",
    );
    let mut bytes = vec![0_u8; WHOLE + 1000];
    bytes.extend(b"needle");
    let judged = rules.stream(bytes.as_slice(), "");
    let names: Vec<(&str, String)> =
        judged.matches.iter().map(|m| (m.rule.as_str(), m.shown())).collect();
    assert_eq!(names, [("far", format!("$a@{:#x}", WHOLE + 1000))]);
    assert!(judged.problem.is_some());
}

#[test]
fn a_string_across_the_edge_of_two_pieces_is_seen_once() {
    let rules = rules("rule far { strings: $a = \"needle\" condition: $a }");
    for at in [WHOLE - 3, WHOLE - 2000, WHOLE - OVERLAP - 3, WHOLE - 6, WHOLE] {
        let mut bytes = vec![b'.'; WHOLE + 10_000];
        bytes.get_mut(at..at + 6).unwrap().copy_from_slice(b"needle");
        let judged = rules.stream(bytes.as_slice(), "");
        let seen: Vec<_> = judged.matches.iter().map(|m| (m.shown(), m.count)).collect();
        assert_eq!(seen, [(format!("$a@{at:#x}"), 1)]);
    }
}

#[test]
fn davys_own_rules_compile_and_want_several_signs() {
    let own = Rules::own();
    assert_eq!(own.problems, [""; 0]);
    assert!(own.rules >= 6);
    let names = |bytes: &[u8]| -> Vec<String> {
        own.whole(bytes, "").matches.into_iter().map(|m| m.rule).collect()
    };
    let miner =
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0 \"method\":\"login\" keepalived RandomX\x03 donate-level max-threads-hint";
    assert_eq!(names(miner), ["miner_program"]);
    assert_eq!(names(miner.get(1..).unwrap()), [""; 0]);
    let session = format!(
        "{{\"job_id\":\"a1b2c3\",\"blob\":\"{}\",\"target\":\"b88d0600\"}}",
        "0e".repeat(76)
    );
    assert_eq!(names(session.as_bytes()), ["miner_talks_in_memory"]);
    // The rules' own text, as an editor or an agent holds it.
    for (_, text) in OWN {
        assert_eq!(names(text.as_bytes()), [""; 0]);
    }
}
