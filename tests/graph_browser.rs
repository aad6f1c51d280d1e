//! The page of a graph in a real browser, by the keyboard alone, and on paper. Where no chromium is
//! installed the tests say so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod browsing;
#[path = "../benches/planted/mod.rs"]
mod planted;

use base64::Engine;
use browsing::Browser;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

fn page(folder: &Path, source: &Path) -> PathBuf {
    let out = folder.join("page.html");
    let done = Command::new(env!("CARGO_BIN_EXE_davy"))
        .args(["graph", "-q", "-o"])
        .args([&out, &source.to_path_buf()])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    out
}

/// The graph of so many sources that its sets stand collapsed.
fn large(folder: &Path) -> PathBuf {
    let log = folder.join("eve.json");
    planted::write(&log, 10_000, 900, 8, 40);
    page(folder, &log)
}

const DOTS: &str = "document.querySelectorAll('#picture .dot').length";
const FOCUS: &str = "document.activeElement.dataset.at || document.activeElement.id || ''";

#[test]
fn a_set_opens_and_closes_by_the_keyboard() {
    let Some(mut browser) = Browser::start(1400, 900) else { return };
    let folder = tempfile::tempdir().unwrap();
    browser.open(&large(folder.path()));
    let before = browser.value(DOTS).as_u64().unwrap();
    let mut presses = 0;
    while !browser.value(FOCUS).as_str().unwrap().starts_with("group ") {
        browser.press("Tab");
        presses += 1;
        assert!(presses < 60, "no set is reached: {}", browser.value(FOCUS));
    }
    let place = browser.value(FOCUS);
    let seen = "getComputedStyle(document.activeElement).outlineStyle !== 'none'";
    assert_eq!(browser.value(seen), true, "one sees where one is");
    browser.press("Enter");
    let open = browser.value(DOTS).as_u64().unwrap();
    assert!(open > before, "{open} dots where there were {before}");
    assert_eq!(browser.value("document.activeElement.getAttribute('aria-expanded')"), "true");
    assert_eq!(browser.value(FOCUS), place, "the place is kept");
    browser.press("Enter");
    assert_eq!(browser.value(DOTS), before);
}

#[test]
fn search_and_arrows_work_by_the_keyboard() {
    let Some(mut browser) = Browser::start(1400, 900) else { return };
    let folder = tempfile::tempdir().unwrap();
    browser.open(&large(folder.path()));
    let sought = "JSON.parse(document.getElementById('data').textContent).nodes.map((n) => n[4]).find((l) => /^\\d+\\.\\d+\\.\\d+\\.\\d+$/.test(l))";
    let sought = browser.value(sought).as_str().unwrap().to_owned();
    browser.press("/");
    assert_eq!(browser.value(FOCUS), "search");
    for letter in sought.chars() {
        browser.press(&letter.to_string());
    }
    assert_eq!(browser.value("document.getElementById('search').value"), sought.as_str());
    let panel = "document.getElementById('panel').innerText";
    let listed = browser.value(panel);
    assert!(listed.as_str().unwrap().contains("match"), "{listed}");
    browser.press("Enter");
    let told = browser.value(panel);
    assert!(told.as_str().unwrap().contains(&sought), "{told}");
    assert!(told.as_str().unwrap().contains("davy hunt pivot"), "{told}");
    assert!(
        browser.value("document.querySelectorAll('#picture .dot.chosen').length").as_u64()
            >= Some(1)
    );
    browser.press("Escape");
    let at = "document.getElementById('picture').getAttribute('viewBox')";
    let before = browser.value(at);
    browser.press("ArrowRight");
    let right = browser.value(at);
    assert_ne!(right, before, "an arrow moves the view");
    browser.press("ArrowLeft");
    assert_eq!(browser.value(at), before);
}

#[test]
fn paper_has_the_drawing() {
    let Some(mut browser) = Browser::start(1400, 900) else { return };
    let folder = tempfile::tempdir().unwrap();
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/guessed-gate.host");
    browser.open(&page(folder.path(), &host));
    let print = |browser: &mut Browser| {
        let pdf = browser.ask("Page.printToPDF", json!({"printBackground": true}));
        let pdf = pdf["data"].as_str().unwrap().to_owned();
        base64::engine::general_purpose::STANDARD.decode(pdf).unwrap()
    };
    let drawn = print(&mut browser);
    assert!(drawn.starts_with(b"%PDF"));
    let media = json!({"media": "print"});
    browser.ask("Emulation.setEmulatedMedia", media);
    let bar = "getComputedStyle(document.querySelector('.bar')).display";
    assert_eq!(browser.value(bar), "none", "no buttons on paper");
    let tall = "document.getElementById('picture').getBoundingClientRect().height > 100";
    assert_eq!(browser.value(tall), true, "the drawing has room on paper");
    // What is printed without the drawing is that much less.
    browser.value("document.getElementById('picture').replaceChildren()");
    let bare = print(&mut browser);
    assert!(drawn.len() > bare.len() + 2_000, "{} and {} bytes", drawn.len(), bare.len());
}
