//! What `davy graph` writes, read back by the programs it is written for. Where one is not
//! installed the test says so; `.ci/run` installs them all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use davy::graph::louvain;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a program with this on its standard input; `None`, and a word, where it is not there.
fn run(program: &str, arguments: &[&str], input: &str) -> Option<(bool, String)> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    // One that fails at once reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let out = child.wait_with_output().unwrap();
    let text = [out.stdout, out.stderr].concat();
    Some((out.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

/// Runs Python where it has these modules.
fn python(modules: &str, script: &str, arguments: &[&str]) -> Option<String> {
    let (there, _) = run("python3", &["-c", &format!("import {modules}")], "")?;
    if !there {
        eprintln!("skipped: Python has no {modules}");
        return None;
    }
    let mut all = vec!["-c", script];
    all.extend(arguments);
    let (fine, text) = run("python3", &all, "")?;
    assert!(fine, "{text}");
    Some(text)
}

fn graph(format: &str, folder: &Path, sources: &[PathBuf]) -> PathBuf {
    let out = folder.join(format);
    let done = Command::new(env!("CARGO_BIN_EXE_davy"))
        .arg("graph")
        .args(sources)
        .args(["--format", format, "-q", "-o"])
        .arg(&out)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    out
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// Logs with hostile labels beside the three groups, and an incident.
fn cases(folder: &Path) -> [Vec<PathBuf>; 2] {
    let odd = folder.join("odd.json");
    let mut lines = String::new();
    for signature in
        ["<b a='1'>&amp;\"quoted\"</b>", "=1+1", "two\nlines\u{7}\u{202e}\u{ffff}", "back\\slash"]
    {
        let line = serde_json::json!({
            "timestamp": "2026-11-20T00:00:00.000000+0000", "event_type": "alert",
            "src_ip": "9.9.9.9", "dest_ip": "10.0.0.1", "proto": "TCP",
            "alert": {"signature": signature, "signature_id": 7, "gid": 1, "rev": 1, "severity": 1},
        });
        lines.push_str(&format!("{line}\n"));
    }
    std::fs::write(&odd, lines).unwrap();
    [
        vec![fixture("logs/attack-groups/fast.log"), fixture("logs/attack-groups/conn.log"), odd],
        vec![fixture("hosts/fake-crond.host")],
    ]
}

#[test]
fn networkx_reads_json_graphml_and_gexf_as_one_graph() {
    const READ: &str = "
import sys, json, networkx as nx
given = json.load(open(sys.argv[1]))
try:
    j = nx.node_link_graph(given, edges='edges')
except TypeError:
    j = nx.node_link_graph(given, link='edges')
m = nx.read_graphml(sys.argv[2], force_multigraph=True)
g = nx.read_gexf(sys.argv[3])
assert len(j) > 5
assert len(j) == len(m) == len(g), (len(j), len(m), len(g))
assert j.number_of_edges() == m.number_of_edges() == g.number_of_edges(), (j, m, g)
for n, d in j.nodes(data=True):
    if n in m:
        assert m.nodes[n]['weight'] == d['weight'] and g.nodes[n]['kind'] == d['kind']
        assert m.nodes[n].get('internal') == d['internal']
        assert m.nodes[n].get('block') == d['block']
same = sum(1 for n in j if n in m and n in g)
assert same > len(j) * 0.9, same
print(len(j), j.number_of_edges())
";
    let folder = tempfile::tempdir().unwrap();
    for sources in cases(folder.path()) {
        let files =
            ["json", "graphml", "gexf"].map(|format| graph(format, folder.path(), &sources));
        let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
        python("networkx", READ, &files);
    }
}

#[test]
fn graphviz_draws_dot() {
    let folder = tempfile::tempdir().unwrap();
    for sources in cases(folder.path()) {
        let file = graph("dot", folder.path(), &sources);
        let Some((fine, text)) = run("dot", &["-Tplain", file.to_str().unwrap()], "") else {
            return;
        };
        assert!(fine, "{text}");
        assert!(text.starts_with("graph"), "{text}");
        assert!(!text.contains("Warning") && !text.contains("rror"), "{text}");
    }
}

#[test]
fn neo4j_csv_reads_back_as_rows() {
    const READ: &str = "
import sys, csv
nodes = list(csv.DictReader(open(sys.argv[1] + '/nodes.csv', newline='')))
edges = list(csv.DictReader(open(sys.argv[1] + '/edges.csv', newline='')))
ids = {n['id:ID'] for n in nodes}
assert len(ids) == len(nodes) > 5
for e in edges:
    assert e[':START_ID'] in ids and e[':END_ID'] in ids and e[':TYPE'].replace('_', '').isalpha()
    int(e['count:long'])
assert not any(v.startswith(('=', '+', '-', '@')) for r in nodes + edges for v in r.values() if v)
script = open(sys.argv[1] + '/load.cypher').read()
for n in nodes: assert \"'\" + n[':LABEL'] + \"'\" in script
for e in edges: assert \"'\" + e[':TYPE'] + \"'\" in script
";
    let folder = tempfile::tempdir().unwrap();
    for sources in cases(folder.path()) {
        let out = graph("neo4j", folder.path(), &sources);
        python("csv", READ, &[out.to_str().unwrap()]);
    }
}

#[test]
fn block_lists_load_where_they_belong() {
    let folder = tempfile::tempdir().unwrap();
    let [sources, _] = cases(folder.path());
    let file = |format| graph(format, folder.path(), &sources);
    let path = |file: &PathBuf| file.to_str().unwrap().to_owned();
    nft_takes(&path(&file("nftables")), folder.path());
    let zone = file("rpz");
    if let Some((fine, text)) = run("named-checkzone", &["rpz.example", &path(&zone)], "") {
        assert!(fine, "{text}");
    }
    let rules = file("suricata");
    let logs = folder.path().join("suricata-logs");
    std::fs::create_dir(&logs).unwrap();
    let (rules, logs) = (path(&rules), logs.to_str().unwrap().to_owned());
    if let Some((fine, text)) = run("suricata", &["-v", "-T", "-S", &rules, "-l", &logs], "") {
        let written = std::fs::read_to_string(&rules).unwrap();
        let many = written.lines().filter(|line| line.starts_with("alert ")).count();
        let loaded = format!("{many} rules successfully loaded, 0 rules failed");
        assert!(fine && many > 20 && text.contains(&loaded), "{text}");
    }
    let set = file("ipset");
    // Loading it would change this machine: its words are held against ipset's manual.
    for line in std::fs::read_to_string(&set).unwrap().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "create" => assert_eq!(words[2], "hash:ip"),
            "add" => assert!(words[2].parse::<std::net::IpAddr>().is_ok(), "{line}"),
            other => panic!("{other}"),
        }
    }
    let (stix, misp) = (path(&file("stix")), path(&file("misp")));
    const STIX: &str = "
import sys, stix2
bundle = stix2.parse(open(sys.argv[1]).read())
assert len([o for o in bundle.objects if o.type == 'indicator']) > 20
for o in bundle.objects: assert o.created.year >= 2026
";
    python("stix2", STIX, &[&stix]);
    const MISP: &str = "
import sys, pymisp
event = pymisp.MISPEvent()
event.load_file(sys.argv[1])
assert len(event.attributes) > 20 and all(a.to_ids for a in event.attributes)
assert {a.type for a in event.attributes} >= {'ip-src', 'ip-dst'}
";
    python("pymisp", MISP, &[&misp]);
}

/// What nft says of a list, in a word: `words` where it does not understand it, `kernel` where the
/// kernel would not be asked or does not have what is wanted.
fn nft_says(list: &str) -> Option<(&'static str, String)> {
    let (fine, text) = run("nft", &["-c", "-f", list], "")?;
    // What is wrong with the list is told with its line; the kernel's refusals say so.
    let at = format!("{list}:");
    let words = |line: &str| {
        line.starts_with(&at) && line.contains("rror") && !line.contains("Could not process rule")
    };
    let says = match (fine, text.lines().any(words)) {
        (_, true) => "words",
        (true, false) => "fine",
        (false, false) => "kernel",
    };
    Some((says, text))
}

/// Asking the kernel needs a right that a container may lack. What it refuses of our list it must
/// refuse of the least list there is, too, and a list that is wrong must be refused for its words:
/// else nothing was checked.
fn nft_takes(list: &str, folder: &Path) {
    let control = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        nft_says(path.to_str().unwrap())
    };
    let Some((wrong, text)) = control("wrong.nft", "table inet davy {\n\tno such word\n}\n") else {
        return;
    };
    if wrong != "words" {
        eprintln!("skipped: nft checks nothing here: {text}");
        return;
    }
    let least = "table inet davy {\n\tset a {\n\t\ttype ipv4_addr\n\t}\n}\n";
    let (least, _) = control("least.nft", least).unwrap();
    let (ours, text) = nft_says(list).unwrap();
    assert_ne!(ours, "words", "{text}");
    assert_eq!(ours, least, "{text}");
    if ours == "kernel" {
        eprintln!("the kernel would not be asked; the words of the list are right: {text}");
    }
}

/// Our communities against networkx's: never much worse than its best, and the modularity that
/// networkx counts for ours is the measure.
#[test]
fn communities_are_as_good_as_those_of_networkx() {
    const READ: &str = "
import sys, json, networkx as nx
given = json.load(open(sys.argv[1]))
for edges, ours in given:
    g = nx.Graph()
    g.add_nodes_from(range(len(ours)))
    for a, b, w in edges:
        g.add_edge(a, b, weight=w)
    sets = {}
    for node, community in enumerate(ours):
        sets.setdefault(community, set()).add(node)
    mine = nx.community.modularity(g, sets.values())
    theirs = max(nx.community.modularity(g, nx.community.louvain_communities(g, seed=s)) for s in range(5))
    print(round(mine, 4), round(theirs, 4))
    assert mine >= theirs * 0.97 - 0.005, (mine, theirs)
";
    let mut random = 0x2545_f491_u64;
    let mut below = |most: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % most
    };
    let mut given = Vec::new();
    // Planted parts of growing blur, and a graph without parts.
    for (nodes, parts, within) in [(60_u64, 4, 90), (200, 8, 80), (300, 10, 60), (150, 1, 100)] {
        let mut edges = std::collections::BTreeMap::new();
        for _ in 0..nodes * 6 {
            let a = below(nodes);
            let b = if below(100) < within {
                let size = nodes / parts;
                (a / size * size + below(size)).min(nodes - 1)
            } else {
                below(nodes)
            };
            if a != b {
                let pair = (a.min(b) as u32, a.max(b) as u32);
                edges.insert(pair, 1 + below(5) as i64);
            }
        }
        let edges: Vec<(u32, u32, i64)> = edges.into_iter().map(|((a, b), w)| (a, b, w)).collect();
        let ours = louvain(nodes as usize, edges.iter().copied());
        given.push((edges, ours));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("graphs.json");
    std::fs::write(&file, serde_json::to_vec(&given).unwrap()).unwrap();
    if let Some(text) = python("networkx", READ, &[file.to_str().unwrap()]) {
        eprintln!("modularity, ours and theirs:\n{text}");
    }
}
