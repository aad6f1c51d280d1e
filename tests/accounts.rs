//! Where an account's password is kept is told: an intruder who adds a line to /etc/passwd needs no
//! /etc/shadow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

#[test]
fn an_empty_password_in_the_list_of_accounts_itself() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("x.host");
    let lines = "host hostname=web-03\n\
                 raw /etc/passwd\n  | root:x:0:0::/root:/bin/sh\n  | sys0::0:0::/:/bin/sh\n  | \
                 gate:x:1000:1000::/:/bin/sh\n\
                 raw /etc/shadow\n  | root:*:20000::::::\n  | gate::20000::::::\n";
    std::fs::write(&page, lines).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_davy"));
    let ran = command.arg("triage").arg(&page).args(["-q", "--format", "json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let told = |account: &str, file: &str| {
        let of = |f: &&serde_json::Value| {
            f["playbook"] == "account-without-password"
                && f["because"].as_str().unwrap().contains(&format!("account {account} "))
        };
        let finding = findings.iter().find(of).unwrap_or_else(|| panic!("{account}: {report}"));
        assert_eq!(finding["subject"]["path"], file, "{finding}");
        assert!(finding["because"].as_str().unwrap().contains(file), "{finding}");
    };
    told("sys0", "/etc/passwd");
    told("gate", "/etc/shadow");
}
