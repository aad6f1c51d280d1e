//! Words about mining that are no mining: whoever shows, reads or looks for them is not accused,
//! and what was discounted is said.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use davy::carve::{self, Carver};
use davy::evidence::TextHost;
use davy::facts::Facts;
use davy::judge::{self, Level, Playbooks};

const PAGE: &str = r#"  | {"pools":[{"url":"pool.supportxmr.com:3333","user":"44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A","pass":"x","algo":"rx/0"}],"donate-level":1}
  | {"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"44AF","pass":"x","agent":"XMRig/6.21.0"}}
  | stratum+tcp://pool.supportxmr.com:3333 --donate-level=1 --randomx-mode=fast
"#;

fn levels(process: &str, memory: &str) -> Vec<(String, Level, String)> {
    let page = format!(
        "host hostname=desk booted=2026-11-01T00:00:00Z taken=2026-11-22T06:24:17Z\n{process}\n  memory heap\n{memory}"
    );
    let host = TextHost::parse("desk.host", &page).expect("a host");
    let tables = davy::tables();
    let facts = Facts::in_memory(&tables).unwrap();
    davy::collect::collect(&host, &facts, &|_| {}).unwrap();
    carve::carve_memory(&host, &facts, &Carver::default(), &[4000], &|_| {}).unwrap();
    let judged = judge::judge(&facts, &Playbooks::embedded(), &tables).unwrap();
    let ours = judged.findings.into_iter().filter(|f| f.subject.fact == "processes/4000");
    ours.map(|f| (f.playbook, f.level, f.because)).collect()
}

fn discounted(process: &str, memory: &str) -> String {
    let all = levels(process, memory);
    let loud: Vec<_> = all.iter().filter(|(_, level, _)| *level >= Level::High).collect();
    assert!(loud.is_empty(), "{process}: {loud:#?}");
    all.into_iter().map(|(.., because)| because).collect::<Vec<_>>().join("\n")
}

#[test]
fn editors_pagers_and_searches_show_text() {
    for program in ["/usr/bin/vim", "/usr/bin/less", "/usr/bin/grep", "/usr/bin/man"] {
        let name = program.rsplit('/').next().unwrap();
        let process =
            format!("process 4000 comm={name} exe={program} args=\"{name} notes.txt\" tty=34816");
        let said = discounted(&process, PAGE);
        assert!(said.contains("counted low, since"), "{program}: {said}");
    }
}

#[test]
fn a_users_shell_that_named_a_pool_is_no_miner() {
    let said = discounted(
        "process 4000 comm=bash exe=/usr/bin/bash args=-bash tty=34816",
        "  | stratum+tcp://pool.supportxmr.com:3333\n  | xmrig -o pool.supportxmr.com:3333 -u me -p x\n",
    );
    assert!(said.contains("terminal"), "{said}");
}

#[test]
fn our_own_rules_and_playbooks_are_no_miner() {
    let mut text = String::new();
    for (_, playbook) in Playbooks::embedded().sources() {
        for line in playbook.lines() {
            text.push_str(&format!("  | {line}\n"));
        }
    }
    for rules in ["miner", "loader", "hiding"] {
        let path = format!("{}/playbooks/yara/{rules}.yar", env!("CARGO_MANIFEST_DIR"));
        for line in std::fs::read_to_string(path).unwrap().lines() {
            text.push_str(&format!("  | {line}\n"));
        }
    }
    // A program that no package owns: nothing but what it holds can speak for it.
    let process = "process 4000 comm=agentd exe=/opt/agent/bin/agentd args=/opt/agent/bin/agentd started=2026-11-01T00:10:00Z";
    discounted(process, &text);
}

#[test]
fn the_same_words_in_a_program_that_nobody_vouches_for_are_told() {
    let process = "process 4000 comm=collector exe=/var/lib/collector args=/var/lib/collector";
    let loud = levels(process, PAGE)
        .into_iter()
        .any(|(playbook, level, _)| playbook == "mining-in-memory" && level >= Level::High);
    assert!(loud);
}
