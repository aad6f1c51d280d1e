//! Neo4j: a folder of CSV for `neo4j-admin database import`, and a Cypher script that loads the
//! same files into a database that is there.

use super::attribute::{EDGE, NODE, Type, Value, of_edge, of_node};
use super::{Exporter, Shape};
use crate::graph::network::Network;
use crate::report::escape::visible;
use std::collections::BTreeSet;
use std::io::{self, Write};

pub(super) const EXPORTER: Exporter = Exporter {
    name: "neo4j",
    extension: "",
    doc: "a folder for Neo4j: nodes.csv, edges.csv, load.cypher",
    shape: Shape::Folder(&[("nodes.csv", nodes), ("edges.csv", edges), ("load.cypher", script)]),
};

/// A cell. What a spreadsheet would run is kept from that by an apostrophe; lines stay lines.
fn cell(text: &str) -> String {
    let text = visible(text);
    let mark = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Absent => String::new(),
        Value::Text(text) => cell(text),
        Value::Time(time) => time.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
    }
}

fn header(attributes: &[(&'static str, Type)]) -> String {
    let column = |(name, kind): &(&'static str, Type)| match kind {
        Type::Text => (*name).to_owned(),
        Type::Number => format!("{name}:long"),
        Type::Bool => format!("{name}:boolean"),
        Type::Time => format!("{name}:datetime"),
    };
    attributes.iter().map(column).collect::<Vec<_>>().join(",")
}

/// `address` as `IP`, as the graph of IDS alerts in Neo4j has it; others capitalised.
fn label(kind: &str) -> String {
    match kind {
        "address" => "IP".to_owned(),
        "url" => "URL".to_owned(),
        other => other
            .split_at_checked(1)
            .map_or_else(String::new, |(first, rest)| first.to_ascii_uppercase() + rest),
    }
}

/// `parent of` as `PARENT_OF`.
fn kind(word: &str) -> String {
    word.replace(' ', "_").to_ascii_uppercase()
}

fn nodes(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "id:ID,ip,{},:LABEL", header(NODE))?;
    for node in &network.nodes {
        let values: Vec<String> = of_node(network, node).iter().map(shown).collect();
        let ip = node.id.strip_prefix("address/").map(cell).unwrap_or_default();
        writeln!(out, "{},{ip},{},{}", cell(&node.id), values.join(","), label(node.kind))?;
    }
    Ok(())
}

fn edges(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, ":START_ID,:END_ID,{},:TYPE", header(EDGE))?;
    for edge in &network.edges {
        let (Some(from), Some(to)) = (network.node(edge.from), network.node(edge.to)) else {
            continue;
        };
        let values: Vec<String> = of_edge(edge).iter().map(shown).collect();
        let (from, to) = (cell(&from.id), cell(&to.id));
        writeln!(out, "{from},{to},{},{}", values.join(","), kind(edge.kind))?;
    }
    Ok(())
}

fn properties(variable: &str, attributes: &[(&'static str, Type)]) -> String {
    let set = |(name, kind): &(&'static str, Type)| {
        let read = |suffix: &str| format!("row.`{name}{suffix}`");
        let value = match kind {
            Type::Text => read(""),
            Type::Number => format!("toInteger({})", read(":long")),
            Type::Bool => format!("toBoolean({})", read(":boolean")),
            Type::Time => format!("datetime({})", read(":datetime")),
        };
        format!("{variable}.{name} = {value}")
    };
    attributes.iter().map(set).collect::<Vec<_>>().join(",\n  ")
}

fn script(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "// Into an empty database, with the server stopped, this is faster:\n\
         //   neo4j-admin database import full neo4j --nodes=nodes.csv --relationships=edges.csv --multiline-fields=false\n\
         // Into one that is there: copy nodes.csv and edges.csv to the server's import folder, then\n\
         //   cypher-shell -f load.cypher\n\
         // Then ask, for example, what one address could have come to:\n\
         //   MATCH p=(ip:IP)-[r:ALERT*1..4]->() WHERE ip.ip=\"203.0.113.9\" RETURN p\n"
    )?;
    writeln!(
        out,
        "CREATE CONSTRAINT davy_id IF NOT EXISTS FOR (n:Davy) REQUIRE n.id IS UNIQUE;\n"
    )?;
    let kinds: BTreeSet<&str> = network.nodes.iter().map(|node| node.kind).collect();
    for word in kinds {
        let label = label(word);
        writeln!(
            out,
            "LOAD CSV WITH HEADERS FROM 'file:///nodes.csv' AS row\n\
             WITH row WHERE row.`:LABEL` = '{label}'\n\
             CALL {{ WITH row\n  MERGE (n:Davy {{id: row.`id:ID`}})\n  SET n:{label}, n.ip = row.ip, {}\n\
             }} IN TRANSACTIONS OF 10000 ROWS;\n",
            properties("n", NODE)
        )?;
    }
    let kinds: BTreeSet<&str> = network.edges.iter().map(|edge| edge.kind).collect();
    for word in kinds {
        let kind = kind(word);
        writeln!(
            out,
            "LOAD CSV WITH HEADERS FROM 'file:///edges.csv' AS row\n\
             WITH row WHERE row.`:TYPE` = '{kind}'\n\
             CALL {{ WITH row\n  MATCH (a:Davy {{id: row.`:START_ID`}}), (b:Davy {{id: row.`:END_ID`}})\n  CREATE (a)-[r:{kind}]->(b)\n  SET {}\n\
             }} IN TRANSACTIONS OF 10000 ROWS;\n",
            properties("r", EDGE)
        )?;
    }
    Ok(())
}
