//! Network and cloud logs into facts, one file a format.
//!
//! A reader takes records and gives rows; it judges nothing and opens nothing. Formats are told by
//! their content, never by a file's name, and read by their headers, never by a column's place. A
//! bad line costs itself: it is counted with its file and number, and coverage says so.

mod auditd;
mod bind;
mod both;
mod carried;
mod combined;
mod damage;
mod dnsmasq;
mod elb;
mod ends;
mod field;
mod flow;
mod fold;
mod format;
mod guardduty;
mod haproxy;
mod json;
mod lines;
mod mend;
mod netfilter;
mod netflow;
mod nfdump;
mod nfdump_long;
mod pair;
mod parquet;
mod read;
mod readers;
mod recognise;
mod refused;
mod route53;
mod row;
mod sink;
mod snort;
mod snort_csv;
mod squid;
mod store;
mod suricata;
mod sysmon;
mod times;
mod twice;
mod unbound;
mod url;
mod vpcflow;
mod wanted;
mod zeek;

pub use damage::Fields;
pub use flow::{Direction, Flow, FlowSeen};
pub use fold::{By, Conversation, Fold, Slot};
pub use format::{FORMATS, Format, LineReader, Note, Origin, Out, Shape, Took};
pub use json::Object;
pub use read::{Logs, Told};
pub use row::{Alert, Dns, Event, Http, Row, Tls};
pub use sink::Problems;
pub use store::{Endpoint, LogFile};
pub use wanted::{Flows, Heaviest, Wanted};

use crate::facts::{Table, TableDef};

/// The tables that logs fill.
pub const TABLES: &[TableDef] = &[
    LogFile::DEF,
    Flow::DEF,
    Conversation::DEF,
    Dns::DEF,
    Http::DEF,
    Tls::DEF,
    Alert::DEF,
    Event::DEF,
    Endpoint::DEF,
];
