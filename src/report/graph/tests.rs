//! Pictures of networks that the tests make: few and many, hostile, empty.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::{page, svg};
use crate::facts::{Facts, Time};
use crate::graph::network::{Builder, Community, Network, Seen};
use crate::judge::{Level, Ranges};

const HOUR: i64 = 3_600_000_000_000;

fn ours() -> Ranges {
    let facts = Facts::in_memory(&[]).unwrap();
    Ranges::of(&facts, "SELECT '10.0.0.0/8'").unwrap()
}

fn seen(count: u64, at: i64) -> Seen {
    let time = |hours: i64| Some(Time(1_790_000_000_000_000_000 + hours * HOUR));
    Seen { count, first: time(at), last: time(at + 1), severity: Some(Level::Medium) }
}

/// Groups of attackers of these sizes, each with a signature of its own, on targets that are ours.
fn planted(sizes: &[u32], targets: u32) -> Network {
    let mut builder = Builder::within(ours());
    let mut sets = Vec::new();
    for (number, size) in (0_u32..).zip(sizes) {
        let mut ids = Vec::new();
        for at in 0..*size {
            let name = format!("203.{number}.{}.{}", at / 250, at % 250);
            let from = builder.address(&name);
            ids.push(format!("address/{name}"));
            for hit in 0..3 {
                let target = (at * 7 + hit * 3 + number) % targets;
                let to = builder.address(&format!("10.0.{}.{}", target / 250, target % 250));
                let label = format!("ET SCAN signature {number}");
                builder.edge(
                    from,
                    to,
                    "alert",
                    &label,
                    seen(u64::from(at % 9 + 1), i64::from(number)),
                );
            }
        }
        sets.push((number, ids));
    }
    let mut network = builder.finish();
    let place = |id: &String| {
        let at =
            network.nodes.binary_search_by(|node| node.id.as_str().cmp(id)).unwrap_or_default();
        u32::try_from(at).unwrap_or_default()
    };
    let communities = sets
        .iter()
        .map(|(number, ids)| Community {
            kind: "campaign",
            label: format!("ET SCAN Suspicious inbound to MSSQL port {number}"),
            why: "they raise the same signatures within the same hours".to_owned(),
            members: ids.iter().map(place).collect(),
            seen: seen(100, i64::from(*number)),
        })
        .collect();
    network.divide(communities);
    network
}

fn drawn(network: &Network) -> (String, String) {
    let text = |exporter: &super::Exporter| {
        let mut out = Vec::new();
        if let super::Shape::File(write) = exporter.shape {
            write(network, &mut out).unwrap_or_default();
        }
        String::from_utf8(out).unwrap_or_default()
    };
    (text(&svg::EXPORTER), text(&page::EXPORTER))
}

/// The data in a page's script element.
fn data(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// All that holds of every picture.
fn check(network: &Network) {
    let (svg, page) = drawn(network);
    assert_eq!((svg.clone(), page.clone()), drawn(network), "the same network, other bytes");
    let tree = roxmltree::Document::parse(&svg).unwrap();
    let view: Vec<f64> = tree
        .root_element()
        .attribute("viewBox")
        .unwrap()
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    let [left, top, width, height] = view[..] else { panic!("{view:?}") };
    let inside = |name: &str, node: &roxmltree::Node, from: f64, size: f64| {
        let at: f64 = node.attribute(name).unwrap().parse().unwrap();
        assert!(at >= from && at <= from + size, "{name}={at} of {node:?}");
    };
    for node in tree.descendants().filter(|node| node.has_tag_name("circle")) {
        inside("cx", &node, left, width);
        inside("cy", &node, top, height);
    }
    let data = data(&page);
    let rows = data["nodes"].as_array().unwrap();
    assert_eq!(rows.len(), network.nodes.len().min(crate::graph::layout::MOST));
    assert!(data["edges"].as_array().unwrap().len() <= network.edges.len());
    assert_eq!(page.matches("<script").count(), 2, "only the page's own");
}

#[test]
fn few_many_one_and_none() {
    check(&planted(&[24, 12, 6], 10));
    check(&planted(&[500, 20, 3, 3], 70));
    check(&planted(&[1], 1));
    check(&star(2_000));
    check(&Network::default());
    check(&exercise());
}

#[test]
fn more_nodes_than_a_picture_holds_are_told() {
    let network = star(u32::try_from(crate::graph::layout::MOST).unwrap() + 7);
    let (svg, page) = drawn(&network);
    assert!(svg.contains("8 nodes with the fewest neighbours are not drawn"));
    assert!(data(&page)["notes"].to_string().contains("8 nodes with the fewest"));
}

#[test]
fn hostile_labels_are_text() {
    let mut builder = Builder::within(ours());
    let nasty = "</script><script>alert(1)</script>\u{1b}[31m\"'<!--\n]]>&\u{202e}=cmd|x";
    let from = builder.node(&format!("url/{nasty}"), nasty);
    let to = builder.address("10.0.0.1");
    builder.edge(from, to, "alert", nasty, seen(3, 0));
    builder.edge(to, to, "alert", nasty, Seen::default());
    let mut network = builder.finish();
    network.divide(vec![Community {
        label: nasty.into(),
        why: nasty.into(),
        members: vec![0, 1],
        ..Community::default()
    }]);
    check(&network);
    for kind in ["incident", "campaign"] {
        for community in &mut network.communities {
            community.kind = kind;
        }
        let (svg, page) = drawn(&network);
        for text in [&svg, &page] {
            assert!(!text.contains("<script>alert") && !text.contains('\u{1b}'));
            assert!(!text.contains('\u{202e}') && !text.contains("<!--\n"));
        }
        roxmltree::Document::parse(&svg).unwrap();
        let label = data(&page)["nodes"][1][4].as_str().unwrap_or_default().to_owned();
        assert!(label.starts_with("</script><script>"), "{label}");
    }
}

#[test]
fn a_chain_is_drawn_from_left_to_right() {
    let network = exercise();
    let picture = crate::graph::layout::place(&network);
    let [chain] = picture.chains.as_slice() else { panic!("{picture:?}") };
    let x = |label: &str| {
        let is = |b: &&crate::graph::layout::Boxed| network.node(b.node).unwrap().label == label;
        chain.boxes.iter().find(is).unwrap().x
    };
    assert!(x("crond (pid 12)") < x("rsyslogd-worker (pid 33)"));
    assert!(x("rsyslogd-worker (pid 33)") < x("203.0.113.99:3956"));
    assert!(picture.disks.is_empty());
}

#[test]
fn on_paper_an_incident_stands_without_the_rest_of_its_host() {
    let mut network = exercise();
    let chain = network.communities.clone();
    // One node of the chain is none any more.
    let mut less = chain;
    less[0].members.pop();
    network.divide(less);
    let (svg, page) = drawn(&network);
    assert!(svg.contains("1 nodes that no incident and no campaign has"));
    assert_eq!(data(&page)["nodes"].as_array().unwrap().len(), network.nodes.len());
    assert!(!page.contains("1 nodes that no incident"));
}

#[test]
fn communities_stand_apart_and_hold_their_members() {
    let picture = crate::graph::layout::place(&planted(&[60, 40, 20], 30));
    for (at, disk) in picture.disks.iter().enumerate() {
        for spot in &disk.members {
            assert!((spot.x - disk.x).hypot(spot.y - disk.y) + spot.r <= disk.r + 0.01);
        }
        for other in picture.disks.iter().skip(at + 1) {
            assert!((other.x - disk.x).hypot(other.y - disk.y) > disk.r + other.r);
        }
    }
}

fn star(points: u32) -> Network {
    let mut builder = Builder::within(ours());
    let hub = builder.address("10.0.0.1");
    for at in 0..points {
        let from = builder.address(&format!("203.{}.{}.{}", at >> 16, (at >> 8) & 255, at & 255));
        builder.edge(from, hub, "alert", "ET SCAN", seen(1, 0));
    }
    builder.finish()
}

fn exercise() -> Network {
    let mut builder = Builder::within(ours());
    let mut sets = vec![];
    for (from, name, kind, to, other) in [
        (
            "persistence//etc/cron.d/0systask",
            "/etc/cron.d/0systask (cron)",
            "persists",
            "file//usr/sbin/crond",
            "/usr/sbin/crond",
        ),
        ("process/12", "crond (pid 12)", "runs", "file//usr/sbin/crond", "/usr/sbin/crond"),
        (
            "process/12",
            "crond (pid 12)",
            "names in memory",
            "url/http://102.208.3.5/cc/index.html",
            "http://102.208.3.5/cc/index.html",
        ),
        (
            "url/http://102.208.3.5/cc/index.html",
            "",
            "served by",
            "address/102.208.3.5",
            "102.208.3.5",
        ),
        (
            "process/12",
            "",
            "dropped",
            "file//usr/sbin/rsyslogd-worker",
            "/usr/sbin/rsyslogd-worker",
        ),
        ("process/33", "rsyslogd-worker (pid 33)", "runs", "file//usr/sbin/rsyslogd-worker", ""),
        ("process/12", "", "parent of", "process/33", ""),
        (
            "process/33",
            "",
            "holds open",
            "file//usr/lib/x86_64-linux-gnu/libcron.so.1",
            "/usr/lib/x86_64-linux-gnu/libcron.so.1 (deleted)",
        ),
        (
            "file//usr/lib/x86_64-linux-gnu/libcron.so.1",
            "",
            "names in file",
            "name/ap.luckpool.net",
            "ap.luckpool.net:3956",
        ),
        ("process/33", "", "connects to", "address/203.0.113.99", "203.0.113.99:3956"),
        ("name/ap.luckpool.net", "", "probably is", "address/203.0.113.99", ""),
        (
            "file//usr/lib/x86_64-linux-gnu/libcron.so.1",
            "",
            "names in file",
            "address/198.51.100.77",
            "198.51.100.77:8080",
        ),
    ] {
        let a = builder.node(from, name);
        let b = builder.node(to, other);
        sets.extend([from, to]);
        builder.edge(a, b, kind, &format!("{name} {kind} {other}"), seen(1, 0));
    }
    let mut network = builder.finish();
    let members = (0..u32::try_from(network.nodes.len()).unwrap_or_default()).collect();
    network.divide(vec![Community {
        kind: "incident",
        label: "rsyslogd-worker mines".into(),
        members,
        ..Community::default()
    }]);
    network
}
