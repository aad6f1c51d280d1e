//! http.log.

use super::super::format::{Out, Took};
use super::super::row::{Http, Row};
use super::Fields;

pub(super) fn read(fields: &dyn Fields, out: &mut dyn Out) -> Took {
    let time = fields.time(out);
    let host = fields.name("host");
    let (host, port) = match host {
        Some(host) => super::super::url::host_port(&host.0),
        None => (None, None),
    };
    let row = Http {
        time,
        client: fields.address("id.orig_h"),
        client_port: fields.port("id.orig_p"),
        server: fields.address("id.resp_h"),
        server_port: fields.port("id.resp_p"),
        method: fields.text("method"),
        host,
        port,
        uri: fields.text("uri"),
        user_agent: fields.text("user_agent"),
        referrer: fields.text("referrer"),
        status: fields.small("status_code"),
        request_bytes: fields.count("request_body_len"),
        response_bytes: fields.count("response_body_len"),
        action: None,
        user: fields.text("username"),
        uid: fields.text("uid"),
        sensor: fields.sensor(),
        ..Http::new("zeek-http")
    };
    if row.client.is_none() {
        return Took::no("an address is none");
    }
    out.row(Row::Http(row));
    Took::Yes
}
