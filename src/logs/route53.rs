//! Route 53 resolver query logs.

use super::field::protocol_named;
use super::format::{Format, Origin, Out, Shape, Took};
use super::json::Object;
use super::row::{Dns, Row, text};
use serde_json::Value;

pub(super) const FORMAT: Format = Format {
    name: "route53",
    doc: "Route 53 Resolver query logs",
    tables: &["dns"],
    shape: Shape::Json { tells, read },
};

fn tells(object: Object<'_>, _: &Origin) -> bool {
    object.get("query_name").is_some() && object.get("query_timestamp").is_some()
}

fn read(object: Object<'_>, _: &Origin, out: &mut dyn Out) -> Took {
    let read = object.time("query_timestamp");
    let time = out.time(read);
    let answers = object.get("answers").and_then(Value::as_array).map(|list| {
        let data = list.iter().filter_map(|answer| Object::from(answer.as_object()?).str("Rdata"));
        data.collect::<Vec<_>>().join(" ")
    });
    out.row(Row::Dns(Dns {
        time,
        client: object.address("srcaddr"),
        client_port: object.port("srcport"),
        protocol: object.str("transport").and_then(|t| protocol_named(t.as_bytes())),
        query: object.name("query_name"),
        qtype: object.text("query_type"),
        rcode: object.text("rcode"),
        answers: answers.and_then(|answers| text(answers.as_bytes())),
        action: object.text("firewall_rule_action"),
        sensor: object.text("vpc_id"),
        instance: object.object("srcids").and_then(|ids| ids.text("instance")),
        ..Dns::new("route53")
    }));
    Took::Yes
}
