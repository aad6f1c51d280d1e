//! What a reader makes of a record: rows of these tables, and nothing of ours beyond them.

use super::flow::FlowSeen;
use crate::facts::{HostText, Time};
use std::borrow::Cow;
use std::net::IpAddr;

/// A row that a reader hands on.
pub enum Row<'a> {
    /// A connection, or a window of one.
    Flow(FlowSeen<'a>),
    /// One direction of a connection: its other half may follow.
    Half(FlowSeen<'a>),
    /// A question to a name server and its answer.
    Dns(Dns),
    /// A request.
    Http(Http),
    /// A handshake.
    Tls(Tls),
    /// An alert of a sensor or a finding of a cloud service.
    Alert(Box<Alert>),
    /// Something that a host's own log tells.
    Event(Box<Event>),
}

crate::table! {
    pub struct Dns in dns, "Questions to name servers, from Zeek, Suricata, name servers' own logs and Route 53.";
    time: Option<Time>, "", "When; NULL where the log does not give a usable time.";
    kind: &'static str, "", "Format of the log it is from: zeek-dns, suricata, dnsmasq, bind, unbound, route53.";
    client: Option<IpAddr>, "", "Who asked; NULL where the log does not say.";
    client_port: Option<u16>, "", "Its port.";
    server: Option<IpAddr>, "", "Who was asked.";
    server_port: Option<u16>, "", "Its port.";
    protocol: Option<Cow<'static, str>>, "", "udp or tcp.";
    query: Option<HostText>, "", "The name, in lower case and without the dot at its end.";
    qtype: Option<HostText>, "", "A, AAAA, TXT …";
    rcode: Option<HostText>, "", "NOERROR, NXDOMAIN …; NULL for a question alone.";
    answers: Option<HostText>, "", "Addresses and names of the answer, separated by spaces.";
    action: Option<HostText>, "", "What a filter did, as BLOCK.";
    uid: Option<HostText>, "", "The sensor's id of the connection.";
    sensor: Option<HostText>, "", "Who saw it: a cluster's node, a name server's host.";
    instance: Option<HostText>, "", "Cloud instance that asked.";
}

impl Dns {
    /// Of a format, with nothing known yet.
    #[must_use]
    pub const fn new(kind: &'static str) -> Self {
        Self {
            time: None,
            kind,
            client: None,
            client_port: None,
            server: None,
            server_port: None,
            protocol: None,
            query: None,
            qtype: None,
            rcode: None,
            answers: None,
            action: None,
            uid: None,
            sensor: None,
            instance: None,
        }
    }
}

crate::table! {
    pub struct Http in http, "Requests, from Zeek, Suricata, and the logs of proxies, servers and load balancers.";
    time: Option<Time>, "", "When.";
    kind: &'static str, "", "Format of the log it is from: zeek-http, suricata, squid, combined, haproxy, alb, nlb.";
    client: Option<IpAddr>, "", "Who asked.";
    client_port: Option<u16>, "", "Its port.";
    server: Option<IpAddr>, "", "Who was asked; for a proxy, whom it asked in turn.";
    server_port: Option<u16>, "", "Its port.";
    method: Option<HostText>, "", "GET, POST, CONNECT …";
    host: Option<HostText>, "", "The host asked for, in lower case, from the header or the URL.";
    port: Option<u16>, "", "The port asked for, where the request names one.";
    uri: Option<HostText>, "", "Path, or URL where the request has one.";
    user_agent: Option<HostText>, "", "What the client calls itself; NULL where the log does not keep it (squid's own format does not).";
    referrer: Option<HostText>, "", "Where it came from.";
    status: Option<u32>, "", "The answer's code.";
    request_bytes: Option<u64>, "bytes", "From the client, as far as the log counts them.";
    response_bytes: Option<u64>, "bytes", "To the client.";
    action: Option<HostText>, "", "What the proxy did, as TCP_TUNNEL.";
    user: Option<HostText>, "", "Who logged in.";
    uid: Option<HostText>, "", "The sensor's id of the connection.";
    sensor: Option<HostText>, "", "Who saw it.";
}

impl Http {
    /// Of a format, with nothing known yet.
    #[must_use]
    pub const fn new(kind: &'static str) -> Self {
        Self {
            time: None,
            kind,
            client: None,
            client_port: None,
            server: None,
            server_port: None,
            method: None,
            host: None,
            port: None,
            uri: None,
            user_agent: None,
            referrer: None,
            status: None,
            request_bytes: None,
            response_bytes: None,
            action: None,
            user: None,
            uid: None,
            sensor: None,
        }
    }
}

crate::table! {
    pub struct Tls in tls, "TLS handshakes, from Zeek (ssl), Suricata and load balancers.";
    time: Option<Time>, "", "When.";
    kind: &'static str, "", "Format of the log it is from: zeek-ssl, suricata, nlb.";
    client: Option<IpAddr>, "", "Who began.";
    client_port: Option<u16>, "", "Its port.";
    server: Option<IpAddr>, "", "Whom it called.";
    server_port: Option<u16>, "", "Its port.";
    server_name: Option<HostText>, "", "The name the client asked for (SNI), in lower case; NULL where it named none, as miners do.";
    version: Option<HostText>, "", "Version.";
    cipher: Option<HostText>, "", "Cipher.";
    established: Option<bool>, "", "Whether the handshake was completed.";
    subject: Option<HostText>, "", "The server certificate's subject.";
    issuer: Option<HostText>, "", "Its issuer.";
    validation: Option<HostText>, "", "What the sensor thinks of the certificate.";
    ja3: Option<HostText>, "", "Fingerprint of the client's hello.";
    ja4: Option<HostText>, "", "Fingerprint of the client's hello.";
    uid: Option<HostText>, "", "The sensor's id of the connection.";
    sensor: Option<HostText>, "", "Who saw it.";
}

impl Tls {
    /// Of a format, with nothing known yet.
    #[must_use]
    pub const fn new(kind: &'static str) -> Self {
        Self {
            time: None,
            kind,
            client: None,
            client_port: None,
            server: None,
            server_port: None,
            server_name: None,
            version: None,
            cipher: None,
            established: None,
            subject: None,
            issuer: None,
            validation: None,
            ja3: None,
            ja4: None,
            uid: None,
            sensor: None,
        }
    }
}

crate::table! {
    pub struct Alert in alerts, "Alerts of Suricata and Snort, notices of Zeek, findings of GuardDuty.";
    time: Option<Time>, "", "When; for GuardDuty, first seen.";
    last: Option<Time>, "", "Last seen, where one row stands for several.";
    count: Option<u64>, "", "How many it stands for.";
    kind: &'static str, "", "Format of the log it is from: suricata, suricata-fast, snort, snort3, zeek-notice, guardduty.";
    signature_id: Option<HostText>, "", "`gid:sid:rev`, or the id of a GuardDuty finding.";
    signature: Option<HostText>, "", "What the alert is called: the rule's message, the notice, the finding's type.";
    category: Option<HostText>, "", "The rule's class; for GuardDuty the threat purpose.";
    severity: Option<f64>, "", "As the source counts: Suricata and Snort 1 is worst, GuardDuty 8 and above is high.";
    action: Option<HostText>, "", "What the sensor did (`allowed`, `blocked`); for GuardDuty the action type, as DNS_REQUEST.";
    client: Option<IpAddr>, "", "Who began the connection, where that is known; else the packet's source.";
    client_port: Option<u16>, "", "Its port.";
    server: Option<IpAddr>, "", "The other.";
    server_port: Option<u16>, "", "Its port.";
    attacker: Option<&'static str>, "", "`client` or `server`, where the sensor says which of them attacks.";
    protocol: Option<Cow<'static, str>>, "", "tcp, udp …";
    app_proto: Option<HostText>, "", "What the sensor takes the connection for.";
    domain: Option<HostText>, "", "The name it is about, in lower case.";
    tactic: Option<HostText>, "", "ATT&CK tactic ids that the alert itself bears, separated by spaces.";
    technique: Option<HostText>, "", "ATT&CK technique ids that the alert itself bears.";
    instance: Option<HostText>, "", "Cloud instance.";
    pid: Option<u32>, "", "Process, where the sensor is on the host.";
    exe: Option<HostText>, "", "Its program.";
    exe_sha256: Option<HostText>, "", "SHA-256 of it.";
    sample: bool, "", "An example that the service made for a test; never evidence.";
    repeated: bool, "", "Another log of the same sensor has it, too, and says more of it: it is not counted again.";
    uid: Option<HostText>, "", "The sensor's id of the connection.";
    payload: Option<HostText>, "", "What the packet said, where the sensor kept it; at most 4,096 bytes.";
    detail: Option<HostText>, "", "What else it says.";
    sensor: Option<HostText>, "", "Who saw it.";
}

impl Alert {
    /// Of a format, with nothing known yet.
    #[must_use]
    pub const fn new(kind: &'static str) -> Self {
        Self {
            time: None,
            last: None,
            count: None,
            kind,
            signature_id: None,
            signature: None,
            category: None,
            severity: None,
            action: None,
            client: None,
            client_port: None,
            server: None,
            attacker: None,
            server_port: None,
            protocol: None,
            app_proto: None,
            domain: None,
            tactic: None,
            technique: None,
            instance: None,
            pid: None,
            exe: None,
            exe_sha256: None,
            sample: false,
            repeated: false,
            uid: None,
            payload: None,
            detail: None,
            sensor: None,
        }
    }
}

crate::table! {
    pub struct Event in events, "What a host's own log tells of processes: Sysmon for Linux, auditd.";
    time: Option<Time>, "", "When.";
    kind: &'static str, "", "Format of the log it is from: sysmon, auditd.";
    event: &'static str, "", "process, exit, network, file, delete, other.";
    hostname: Option<HostText>, "", "Host that wrote it.";
    pid: Option<u32>, "", "Process.";
    ppid: Option<u32>, "", "Its parent.";
    uid: Option<u32>, "", "Who it ran as.";
    loginuid: Option<u32>, "", "Who had logged in; NULL for nobody.";
    user: Option<HostText>, "", "The name of who it ran as.";
    comm: Option<HostText>, "", "Its name.";
    exe: Option<HostText>, "", "Its program.";
    command: Option<HostText>, "", "Its command line.";
    parent: Option<HostText>, "", "Its parent's program.";
    protocol: Option<Cow<'static, str>>, "", "Of a connection.";
    local_address: Option<IpAddr>, "", "This side.";
    local_port: Option<u16>, "", "Its port.";
    remote_address: Option<IpAddr>, "", "The other side.";
    remote_port: Option<u16>, "", "Its port.";
    remote_name: Option<HostText>, "", "Its name, as the log has it.";
    outgoing: Option<bool>, "", "Whether this side began.";
    path: Option<HostText>, "", "The file, for events about files.";
    success: Option<bool>, "", "Whether the system call succeeded; a connect that is in progress counts.";
    detail: Option<HostText>, "", "What else it says: key, hashes, event number.";
}

impl Event {
    /// Of a format, with nothing known yet.
    #[must_use]
    pub const fn new(kind: &'static str, event: &'static str) -> Self {
        Self {
            time: None,
            kind,
            event,
            hostname: None,
            pid: None,
            ppid: None,
            uid: None,
            loginuid: None,
            user: None,
            comm: None,
            exe: None,
            command: None,
            parent: None,
            protocol: None,
            local_address: None,
            local_port: None,
            remote_address: None,
            remote_port: None,
            remote_name: None,
            outgoing: None,
            path: None,
            success: None,
            detail: None,
        }
    }
}

/// A text of a log; [`None`] where there is nothing. Longer ones are cut at 4,096 bytes.
pub(super) fn text(bytes: &[u8]) -> Option<HostText> {
    let bytes = bytes.get(..4096).unwrap_or(bytes);
    (!bytes.is_empty()).then(|| HostText::from(bytes))
}

/// A name as names are compared: in lower case, without the dot at its end.
pub(super) fn name(bytes: &[u8]) -> Option<HostText> {
    let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
    text(bytes).map(|mut name| {
        name.0.make_ascii_lowercase();
        name
    })
}
