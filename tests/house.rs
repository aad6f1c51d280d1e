//! Holds the house to its plan: who may use whom, and which rooms may not exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

/// Each module and those of ours it may use. The order is the direction in which data flow.
const MAY_USE: &[(&str, &[&str])] = &[
    ("facts", &[]),
    ("evidence", &["facts"]),
    ("collect", &["evidence", "facts"]),
    ("carve", &["evidence", "facts"]),
    ("foreign", &["evidence", "collect", "facts"]),
    ("logs", &["evidence", "facts"]),
    ("judge", &["facts"]),
    ("timeline", &["facts", "judge"]),
    ("graph", &["facts", "judge"]),
    ("report", &["facts", "judge", "timeline", "graph"]),
    ("batch", &["facts", "evidence", "collect", "carve", "judge", "report"]),
    (
        "cli",
        &[
            "batch", "facts", "evidence", "collect", "carve", "foreign", "logs", "judge",
            "timeline", "graph", "report",
        ],
    ),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The modules of ours that a line names: `use crate::facts::…`, `crate::judge::Level`.
fn named(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices("crate::")
        .filter(|(at, _)| *at == 0 || !code[..*at].ends_with('$'))
        .flat_map(|(at, word)| {
            let rest = &code[at + word.len()..];
            let names: Vec<String> = match rest.strip_prefix('{') {
                Some(group) => group
                    .split(',')
                    .map(|part| part.split("::").next().unwrap_or_default().trim().to_owned())
                    .collect(),
                None => vec![
                    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().into(),
                ],
            };
            names
        })
        .collect()
}

#[test]
fn data_flow_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (module, allowed) in MAY_USE {
        for file in sources(&src.join(module)) {
            let text = std::fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                for name in named(line) {
                    let ours = MAY_USE.iter().any(|(m, _)| *m == name);
                    if ours && name != *module && !allowed.contains(&name.as_str()) {
                        wrong.push(format!("{}:{}: {line}", file.display(), number + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these reach against the flow:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in std::fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(MAY_USE.iter().any(|(m, _)| *m == name), "{name} has no line in MAY_USE");
        }
    }
}

#[test]
fn no_room_is_called_utils() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src) {
        for part in file.strip_prefix(&src).unwrap().iter() {
            let name = part.to_string_lossy();
            let stem = name.trim_end_matches(".rs");
            assert!(
                !["utils", "util", "common", "helpers", "misc"].contains(&stem),
                "{}: a name that says nothing",
                file.display()
            );
        }
    }
}

#[test]
fn a_line_that_reaches_back_would_be_seen() {
    assert_eq!(named("use crate::{facts::Facts, judge::Level};"), ["facts", "judge"]);
    assert_eq!(named("let x = crate::report::Case;"), ["report"]);
    assert_eq!(named("// crate::report is not code"), Vec::<String>::new());
}
