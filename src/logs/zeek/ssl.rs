//! ssl.log.

use super::super::format::{Out, Took};
use super::super::row::{Row, Tls};
use super::Fields;

pub(super) fn read(fields: &dyn Fields, out: &mut dyn Out) -> Took {
    let time = fields.time(out);
    let row = Tls {
        time,
        client: fields.address("id.orig_h"),
        client_port: fields.port("id.orig_p"),
        server: fields.address("id.resp_h"),
        server_port: fields.port("id.resp_p"),
        server_name: fields.name("server_name"),
        version: fields.text("version"),
        cipher: fields.text("cipher"),
        established: fields.bool("established"),
        subject: fields.text("subject"),
        issuer: fields.text("issuer"),
        validation: fields.text("validation_status"),
        ja3: fields.text("ja3"),
        ja4: fields.text("ja4"),
        uid: fields.text("uid"),
        sensor: fields.sensor(),
        ..Tls::new("zeek-ssl")
    };
    if row.client.is_none() {
        return Took::no("an address is none");
    }
    out.row(Row::Tls(row));
    Took::Yes
}
