//! `socket`: a line of /proc/net, an inode, and the descriptor that holds it.

use super::super::arguments::Arguments;
use super::super::error::Fault;
use super::Maker;
use super::container::Namespaces;
use super::network::Network;
use super::process::Process;
use crate::evidence::HostPath;
use crate::evidence::tree::NodeId;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// TCP's states by the kernel's numbers.
const STATES: &[(&str, u8)] = &[
    ("ESTABLISHED", 1),
    ("SYN_SENT", 2),
    ("SYN_RECV", 3),
    ("FIN_WAIT1", 4),
    ("FIN_WAIT2", 5),
    ("TIME_WAIT", 6),
    ("CLOSE", 7),
    ("CLOSE_WAIT", 8),
    ("LAST_ACK", 9),
    ("LISTEN", 10),
    ("CLOSING", 11),
];

impl Maker {
    /// A socket; without a holder it is one that no process has open.
    pub(super) fn stated_socket(
        &mut self,
        holder: Option<(&Process, NodeId)>,
        words: &mut Arguments<'_>,
    ) -> Result<(), Fault> {
        let fd: Option<u32> = words.number("fd")?;
        let inode: Option<u64> = words.number("inode")?;
        let uid: Option<u32> = words.number("uid")?;
        let net: Option<u64> = words.number("net")?;
        let protocol = std::str::from_utf8(words.need("a protocol")?).unwrap_or_default();
        let state = STATES.iter().find(|(word, _)| words.flag(word)).map(|(_, number)| *number);
        let next = self.next_inode;
        let orphan = holder.is_none();
        let inode = inode.unwrap_or(if orphan { 0 } else { next });
        if inode == next {
            self.next_inode = next.saturating_add(1);
        }
        if let Some((_, directory)) = holder {
            let fd = fd.ok_or_else(|| words.fault("expected fd=NUMBER"))?;
            self.socket_descriptor(directory, fd, inode);
        }
        let first = Namespaces::FIRST.net;
        let namespace = net.or(holder.map(|(p, _)| p.namespaces.net)).unwrap_or(first);
        let uid = uid.or(holder.map(|(p, _)| p.euid)).unwrap_or(0);
        let network = self.networks.entry(namespace).or_default();
        let line = Line { uid, inode, state, queues: queues(words)? };
        match protocol {
            "tcp" | "tcp6" | "udp" | "udp6" | "raw" | "raw6" => {
                inet(network, protocol, &line, words)
            }
            "unix" => unix(network, &line, words),
            "packet" => packet(network, &line, words),
            other => Err(words.fault(format!(
                "expected tcp, tcp6, udp, udp6, raw, raw6, unix or packet, found {other}"
            ))),
        }
    }
}

/// What every kind of socket has.
struct Line {
    uid: u32,
    inode: u64,
    state: Option<u8>,
    queues: (u64, u64),
}

fn queues(words: &mut Arguments<'_>) -> Result<(u64, u64), Fault> {
    Ok((words.number("tx")?.unwrap_or(0), words.number("rx")?.unwrap_or(0)))
}

fn inet(
    network: &mut Network,
    protocol: &str,
    line: &Line,
    words: &mut Arguments<'_>,
) -> Result<(), Fault> {
    let six = protocol.ends_with('6');
    let raw = protocol.starts_with("raw");
    let ip_protocol: Option<u16> = if raw { words.number("protocol")? } else { None };
    let local = words.need("a local address")?;
    let mut local = address(words, local)?;
    if let Some(number) = ip_protocol {
        local.set_port(number);
    }
    let remote = if words.flag("->") {
        let text = words.need("a remote address")?;
        Some(address(words, text)?)
    } else {
        None
    };
    if !six && (local.is_ipv6() || remote.is_some_and(|r| r.is_ipv6())) {
        return Err(words.fault(format!("expected IPv4 addresses, or {protocol}6")));
    }
    let tcp = protocol.starts_with("tcp");
    let usual = match (tcp, remote) {
        (true, Some(_)) => 1,
        (true, None) => 10,
        (false, Some(_)) => 1,
        (false, None) => 7,
    };
    let state = line.state.unwrap_or(usual);
    let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    let remote = remote.unwrap_or(nowhere);
    let lines = network.lines(protocol);
    let place = lines.len();
    let (tx, rx) = line.queues;
    let (local, remote) = (kernel_form(local, six), kernel_form(remote, six));
    let end = if tcp { "1 0000000000000000 20 4 30 10 -1" } else { "2 0000000000000000 0" };
    lines.push(
        format!(
            "{place:4}: {local} {remote} {state:02X} {tx:08X}:{rx:08X} 00:00000000 00000000 {:5}        0 {} {end}\n",
            line.uid, line.inode
        )
        .into_bytes(),
    );
    Ok(())
}

/// `10.0.0.5:22`, `[::1]:22`, `:::22` or an address alone.
fn address(words: &Arguments<'_>, text: &[u8]) -> Result<SocketAddr, Fault> {
    let text = String::from_utf8_lossy(text);
    let parts = || {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let port = if port == "*" { 0 } else { port.parse().ok()? };
        Some(SocketAddr::new(host.parse().ok()?, port))
    };
    let alone = || Some(SocketAddr::new(text.parse().ok()?, 0));
    text.parse().ok().or_else(parts).or_else(alone).ok_or_else(|| {
        words.fault(format!("expected an address such as 10.0.0.5:22 or [::1]:22, found {text}"))
    })
}

/// The kernel's hexadecimal form: each 32-bit word in the machine's own order.
fn kernel_form(address: SocketAddr, six: bool) -> String {
    let word = |bytes: &[u8]| {
        let bytes: [u8; 4] = bytes.try_into().unwrap_or_default();
        format!("{:08X}", u32::from_le_bytes(bytes))
    };
    let host = match (address.ip(), six) {
        (IpAddr::V4(ip), false) => word(&ip.octets()),
        (IpAddr::V4(ip), true) if ip.is_unspecified() => "0".repeat(32),
        (IpAddr::V4(ip), true) => ip.to_ipv6_mapped().octets().chunks(4).map(word).collect(),
        (IpAddr::V6(ip), _) => ip.octets().chunks(4).map(word).collect(),
    };
    format!("{host}:{:04X}", address.port())
}

fn unix(network: &mut Network, line: &Line, words: &mut Arguments<'_>) -> Result<(), Fault> {
    let path = words.bare().map(HostPath::new).unwrap_or_default();
    let listening = line.state == Some(10);
    let (flags, state) = if listening { ("00010000", 1) } else { ("00000000", 3) };
    let inode = line.inode;
    let lines = network.lines("unix");
    let mut text =
        format!("0000000000000000: 00000003 00000000 {flags} 0001 {state:02X} {inode:5}")
            .into_bytes();
    if !path.as_bytes().is_empty() {
        text.push(b' ');
        text.extend_from_slice(path.as_bytes());
    }
    text.push(b'\n');
    lines.push(text);
    Ok(())
}

fn packet(network: &mut Network, line: &Line, words: &mut Arguments<'_>) -> Result<(), Fault> {
    let protocol = match words.text("protocol")? {
        None => 3,
        Some(text) => u16::from_str_radix(text.trim_start_matches("0x"), 16)
            .map_err(|_| words.fault("expected protocol= hexadecimal, such as 0x0003"))?,
    };
    let kind: u8 = words.number("type")?.unwrap_or(3);
    let text = format!(
        "0000000000000000 3      {kind}    {protocol:04x}   2     1 0      {:<6} {:<6}\n",
        line.uid, line.inode
    );
    network.lines("packet").push(text.into_bytes());
    Ok(())
}
