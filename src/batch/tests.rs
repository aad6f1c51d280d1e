use super::{Fleet, Record, Status};

fn record(key: &str, host: &str, machine: &str, level: &str) -> Record {
    let mut record = Record::put_aside(key, "a.tar", key, String::new());
    record.status = Status::Done;
    record.host = host.into();
    record.machine_id = machine.into();
    record.level = level.into();
    record.case = format!("cases/{host}-{key}");
    let text =
        r#"{"playbook": "p", "level": "high", "title": "t", "because": "b", "subject": "/x"}"#;
    record.findings.extend(serde_json::from_str(text));
    let text = r#"{"kind": "wallet", "value": "4A", "first": ""}"#;
    record.shared.extend(serde_json::from_str(text));
    record
}

#[test]
fn a_host_that_was_archived_twice_shares_nothing_with_itself() {
    let twice = [record("1", "web", "", "high"), record("2", "web", "aaaaaaaa1", "critical")];
    let fleet = Fleet::of(&twice);
    assert_eq!((fleet.count, fleet.hosts.len(), fleet.shared.len()), (1, 2, 0));
    assert_eq!(fleet.levels.get("critical"), Some(&1));
    assert_eq!(fleet.levels.get("high"), None);
    assert_eq!(fleet.heading(), "1 host in 2 archives");
    assert!(fleet.hosts.iter().all(|host| host.findings.iter().all(|found| found.hosts == 1)));
}

#[test]
fn two_hosts_of_one_name_are_told_apart() {
    let [one, two] =
        [record("1", "web", "aaaaaaaa1", "high"), record("2", "web", "bbbbbbbb2", "high")];
    let other = record("3", "db", "", "high");
    let fleet = Fleet::of(&[one, two, other]);
    assert_eq!(fleet.count, 3);
    let hosts: Vec<&[String]> = fleet.shared.iter().map(|line| line.hosts.as_slice()).collect();
    assert_eq!(hosts, [["db", "web (aaaaaaaa)", "web (bbbbbbbb)"]]);
}

#[test]
fn hosts_without_a_name_are_not_one() {
    let fleet = Fleet::of(&[record("1", "", "", "high"), record("2", "", "", "high")]);
    assert_eq!((fleet.count, fleet.shared.len()), (2, 1));
}

#[test]
fn rare_and_common() {
    let mut fleet: Vec<Record> =
        (0..10).map(|n| record(&format!("{n:064}"), &format!("h{n}"), "", "high")).collect();
    if let Some(found) = fleet.first_mut().and_then(|record| record.findings.first_mut()) {
        found.subject = "/only/here".into();
    }
    let fleet = Fleet::of(&fleet);
    let mut words: Vec<&str> =
        fleet.hosts.iter().flat_map(|host| &host.findings).map(|found| found.rarity).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words, ["common", "rare"]);
}

#[test]
fn archives_of_one_host_stand_together() {
    let fleet = Fleet::of(&[
        record("1", "web", "", "critical"),
        record("2", "db", "", "high"),
        record("3", "web", "", "not determined"),
        record("4", "db", "", "critical"),
        record("5", "app", "", "medium"),
    ]);
    let order: Vec<(&str, &str)> =
        fleet.hosts.iter().map(|host| (host.name.as_str(), host.level.as_str())).collect();
    let is = [
        ("db", "critical"),
        ("db", "high"),
        ("web", "critical"),
        ("web", "not determined"),
        ("app", "medium"),
    ];
    assert_eq!(order, is);
    let page = super::page::html(&fleet);
    assert_eq!(page.matches("<tbody class=\"host\">").count(), 3);
    assert_eq!(page.matches("the same host").count(), 2);
}
