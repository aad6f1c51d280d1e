//! Connections: one shape for Zeek, Suricata, NetFlow, VPC and firewall records.

use crate::facts::{HostText, Time};
use std::borrow::Cow;
use std::net::IpAddr;

crate::table! {
    pub struct Flow in flows, "Connections as sensors saw them: one row a connection (Zeek, Suricata), or a window of one with both directions paired (VPC, NetFlow). Beyond the first 500,000 rows of a run they are folded into `conversations` alone, and coverage says so.";
    started: Option<Time>, "", "First packet.";
    ended: Option<Time>, "", "Last packet.";
    seconds: Option<f64>, "s", "From first to last.";
    kind: &'static str, "", "Format of the log: zeek-conn, zeek-open-conn, suricata, vpc, nfdump, netflow, netfilter, sysmon.";
    originator: Option<IpAddr>, "", "Who began; see `direction`.";
    originator_port: Option<u16>, "", "Its port.";
    responder: Option<IpAddr>, "", "Who answered.";
    responder_port: Option<u16>, "", "Its port.";
    protocol: Option<Cow<'static, str>>, "", "tcp, udp, icmp …";
    service: Option<HostText>, "", "What the sensor takes it for, as `ssl` or `http,ssl`.";
    orig_bytes: Option<u64>, "bytes", "From the originator: payload (Zeek), or IP bytes (the others).";
    resp_bytes: Option<u64>, "bytes", "From the responder.";
    orig_pkts: Option<u64>, "packets", "From the originator.";
    resp_pkts: Option<u64>, "packets", "From the responder.";
    state: Option<HostText>, "", "Zeek's conn_state (S0 REJ SF …), Suricata's state, TCP flags of the others.";
    established: Option<bool>, "", "Whether both sides took part: the handshake was completed, or bytes went both ways.";
    open: bool, "", "Not closed when it was written down (open_conn, or a window of a longer connection).";
    action: Option<HostText>, "", "What a firewall did: accept, reject, drop, block.";
    direction: &'static str, "", "How originator and responder were told: observed (the sensor saw the beginning), flags (a SYN without ACK), ports (inferred: the lower port is the service).";
    outgoing: Option<bool>, "", "Whether the log says that it left the interface's own side (VPC's flow-direction).";
    uid: Option<HostText>, "", "The sensor's id of it.";
    records: u32, "", "How many records of the log the row stands for.";
    packet_originator: Option<IpAddr>, "", "The packets' own originator where an interface stands between (VPC's pkt-srcaddr): behind NAT.";
    packet_responder: Option<IpAddr>, "", "The packets' own responder.";
    interface: Option<HostText>, "", "Network interface, as eni-….";
    instance: Option<HostText>, "", "Cloud instance.";
    sensor: Option<HostText>, "", "Who saw it: a cluster's node, an exporter, a host.";
    pid: Option<u32>, "", "Process, where the log names it.";
    exe: Option<HostText>, "", "Its program.";
    detail: Option<HostText>, "", "What else it says, as a reason for the rejection.";
}

/// A connection as a reader gives it: borrowed from the record, since most are folded away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowSeen<'a> {
    /// First packet.
    pub started: Option<Time>,
    /// Nanoseconds to the last packet.
    pub duration: Option<i64>,
    /// Format of the log.
    pub kind: &'static str,
    /// Who began.
    pub originator: Option<IpAddr>,
    /// Its port.
    pub originator_port: Option<u16>,
    /// Who answered.
    pub responder: Option<IpAddr>,
    /// Its port.
    pub responder_port: Option<u16>,
    /// tcp, udp …
    pub protocol: Option<Cow<'static, str>>,
    /// What the sensor takes it for.
    pub service: Option<Cow<'a, [u8]>>,
    /// Bytes from the originator.
    pub orig_bytes: Option<u64>,
    /// Bytes from the responder.
    pub resp_bytes: Option<u64>,
    /// Packets from the originator.
    pub orig_pkts: Option<u64>,
    /// Packets from the responder.
    pub resp_pkts: Option<u64>,
    /// As the sensor writes it.
    pub state: Option<Cow<'a, [u8]>>,
    /// Whether both sides took part, where the state tells.
    pub established: Option<bool>,
    /// Not closed when it was written down.
    pub open: bool,
    /// What a firewall did.
    pub action: Option<Cow<'a, [u8]>>,
    /// How the sides were told apart.
    pub direction: Direction,
    /// TCP flags of all its packets, where the log gives them as bits.
    pub flags: Option<u8>,
    /// Whether it left the interface's side.
    pub outgoing: Option<bool>,
    /// The sensor's id.
    pub uid: Option<Cow<'a, [u8]>>,
    /// Records it stands for.
    pub records: u32,
    /// The packets' own originator.
    pub packet_originator: Option<IpAddr>,
    /// The packets' own responder.
    pub packet_responder: Option<IpAddr>,
    /// Network interface.
    pub interface: Option<Cow<'a, [u8]>>,
    /// Cloud instance.
    pub instance: Option<Cow<'a, [u8]>>,
    /// Who saw it.
    pub sensor: Option<Cow<'a, [u8]>>,
    /// Process.
    pub pid: Option<u32>,
    /// Its program.
    pub exe: Option<Cow<'a, [u8]>>,
    /// What else.
    pub detail: Option<Cow<'a, [u8]>>,
}

/// How originator and responder were told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// The sensor saw the connection's beginning, or says which side began.
    #[default]
    Observed,
    /// A SYN without ACK from one side.
    Flags,
    /// By the ports alone.
    Ports,
}

impl Direction {
    /// The word in the table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Flags => "flags",
            Self::Ports => "ports",
        }
    }
}

/// The most that the facts' numbers hold: a counter of a log may be any, and must not turn negative.
pub(super) fn storable(count: u64) -> u64 {
    count.min(i64::MAX.cast_unsigned())
}

impl FlowSeen<'_> {
    /// Of a format, standing for one record.
    #[must_use]
    pub fn new(kind: &'static str) -> Self {
        Self { kind, records: 1, ..Self::default() }
    }

    /// The last packet.
    #[must_use]
    pub fn ended(&self) -> Option<Time> {
        self.started.map(|started| started.plus(self.duration.unwrap_or(0).max(0)))
    }

    /// Whether both sides took part: as the state tells, else by bytes and packets of both.
    #[must_use]
    pub fn both(&self) -> Option<bool> {
        if self.established.is_some() {
            return self.established;
        }
        match (self.orig_bytes.or(self.orig_pkts), self.resp_bytes.or(self.resp_pkts)) {
            (Some(orig), Some(resp)) => Some(orig > 0 && resp > 0),
            _ => None,
        }
    }

    /// The row to keep.
    #[must_use]
    pub fn row(&self) -> Flow {
        let text = |bytes: &Option<Cow<'_, [u8]>>| bytes.as_deref().and_then(super::row::text);
        #[allow(clippy::cast_precision_loss)]
        let seconds = self.duration.map(|nanos| nanos as f64 / 1e9);
        Flow {
            started: self.started,
            ended: self.ended(),
            seconds,
            kind: self.kind,
            originator: self.originator,
            originator_port: self.originator_port,
            responder: self.responder,
            responder_port: self.responder_port,
            protocol: self.protocol.clone(),
            service: text(&self.service),
            orig_bytes: self.orig_bytes.map(storable),
            resp_bytes: self.resp_bytes.map(storable),
            orig_pkts: self.orig_pkts.map(storable),
            resp_pkts: self.resp_pkts.map(storable),
            state: text(&self.state),
            established: self.both(),
            open: self.open,
            action: text(&self.action),
            direction: self.direction.word(),
            outgoing: self.outgoing,
            uid: text(&self.uid),
            records: self.records,
            packet_originator: self.packet_originator,
            packet_responder: self.packet_responder,
            interface: text(&self.interface),
            instance: text(&self.instance),
            sensor: text(&self.sensor),
            pid: self.pid,
            exe: text(&self.exe),
            detail: text(&self.detail),
        }
    }

    /// A copy that outlives the record.
    #[must_use]
    pub fn kept(self) -> FlowSeen<'static> {
        let own = |text: Option<Cow<'_, [u8]>>| text.map(|text| Cow::Owned(text.into_owned()));
        FlowSeen {
            started: self.started,
            duration: self.duration,
            kind: self.kind,
            originator: self.originator,
            originator_port: self.originator_port,
            responder: self.responder,
            responder_port: self.responder_port,
            protocol: self.protocol,
            service: own(self.service),
            orig_bytes: self.orig_bytes,
            resp_bytes: self.resp_bytes,
            orig_pkts: self.orig_pkts,
            resp_pkts: self.resp_pkts,
            state: own(self.state),
            established: self.established,
            open: self.open,
            action: own(self.action),
            direction: self.direction,
            flags: self.flags,
            outgoing: self.outgoing,
            uid: own(self.uid),
            records: self.records,
            packet_originator: self.packet_originator,
            packet_responder: self.packet_responder,
            interface: own(self.interface),
            instance: own(self.instance),
            sensor: own(self.sensor),
            pid: self.pid,
            exe: own(self.exe),
            detail: own(self.detail),
        }
    }

    /// The other way round.
    #[must_use]
    pub fn turned(mut self) -> Self {
        std::mem::swap(&mut self.originator, &mut self.responder);
        std::mem::swap(&mut self.originator_port, &mut self.responder_port);
        std::mem::swap(&mut self.orig_bytes, &mut self.resp_bytes);
        std::mem::swap(&mut self.orig_pkts, &mut self.resp_pkts);
        std::mem::swap(&mut self.packet_originator, &mut self.packet_responder);
        self
    }
}
