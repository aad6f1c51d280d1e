//! The tables of /proc/net: one line a socket.

use super::Socket;
use crate::evidence::HostPath;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A file of /proc/net and the parser of its lines.
pub(super) struct Format {
    /// The file, and the word in `protocol`.
    pub name: &'static str,
    /// A line that is no heading.
    pub parse: fn(&'static str, &[u8]) -> Option<Socket>,
}

/// Every table that holds sockets which davy tells of.
pub(super) const FORMATS: &[Format] = &[
    Format { name: "tcp", parse: tcp },
    Format { name: "tcp6", parse: tcp },
    Format { name: "udp", parse: udp },
    Format { name: "udp6", parse: udp },
    Format { name: "raw", parse: udp },
    Format { name: "raw6", parse: udp },
    Format { name: "packet", parse: packet },
    Format { name: "unix", parse: unix },
];

/// Headings begin in letters; what they head begins in a number.
pub(super) fn is_heading(line: &[u8]) -> bool {
    ["sl ", "sk ", "Num "].iter().any(|head| line.trim_ascii_start().starts_with(head.as_bytes()))
}

fn empty(protocol: &'static str) -> Socket {
    Socket {
        protocol,
        local_address: None,
        local_port: None,
        remote_address: None,
        remote_port: None,
        state: None,
        path: None,
        uid: None,
        inode: 0,
        net_ns: None,
        tx_queue: None,
        rx_queue: None,
        pid: None,
        fd: None,
    }
}

fn tcp(protocol: &'static str, line: &[u8]) -> Option<Socket> {
    let (socket, state) = inet(protocol, line)?;
    Some(Socket { state: tcp_state(state), ..socket })
}

fn udp(protocol: &'static str, line: &[u8]) -> Option<Socket> {
    inet(protocol, line).map(|(socket, _)| socket)
}

/// `sl local remote st tx:rx tr:when retransmits uid timeout inode …`
fn inet(protocol: &'static str, line: &[u8]) -> Option<(Socket, u8)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.split_ascii_whitespace();
    fields.next()?.strip_suffix(':')?;
    let (local_address, local_port) = endpoint(fields.next()?)?;
    let (remote_address, remote_port) = endpoint(fields.next()?)?;
    let state = u8::from_str_radix(fields.next()?, 16).ok()?;
    let (tx, rx) = fields.next()?.split_once(':')?;
    let uid = fields.nth(2)?.parse().ok();
    let inode = fields.nth(1)?.parse().ok()?;
    let peer = remote_port != 0 || !remote_address.to_canonical().is_unspecified();
    let socket = Socket {
        local_address: Some(written(local_address)),
        local_port: Some(local_port),
        remote_address: peer.then(|| written(remote_address)),
        remote_port: peer.then_some(remote_port),
        uid,
        inode,
        tx_queue: u64::from_str_radix(tx, 16).ok(),
        rx_queue: u64::from_str_radix(rx, 16).ok(),
        ..empty(protocol)
    };
    Some((socket, state))
}

/// `0100007F:1F90`: words of 32 bits in the host's byte order, which davy takes for little-endian
/// as all of the processors it runs on are.
fn endpoint(text: &str) -> Option<(Ipv6Addr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at..at.checked_add(8)?)?;
        u32::from_str_radix(digits, 16).ok().map(u32::swap_bytes)
    };
    let address = match address.len() {
        8 => Ipv4Addr::from_bits(word(0)?).to_ipv6_mapped(),
        32 => {
            let high = u64::from(word(0)?) << 32 | u64::from(word(8)?);
            let low = u64::from(word(16)?) << 32 | u64::from(word(24)?);
            Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low))
        }
        _ => return None,
    };
    Some((address, port))
}

/// An IPv4 address mapped into IPv6 is written as IPv4: to the network it is one.
fn written(address: Ipv6Addr) -> String {
    address.to_canonical().to_string()
}

const fn tcp_state(state: u8) -> Option<&'static str> {
    Some(match state {
        1 => "ESTABLISHED",
        2 => "SYN_SENT",
        3 => "SYN_RECV",
        4 => "FIN_WAIT1",
        5 => "FIN_WAIT2",
        6 => "TIME_WAIT",
        7 => "CLOSE",
        8 => "CLOSE_WAIT",
        9 => "LAST_ACK",
        10 => "LISTEN",
        11 => "CLOSING",
        12 => "NEW_SYN_RECV",
        _ => return None,
    })
}

/// `sk RefCnt Type Proto Iface R Rmem User Inode`: the protocol is the Ethernet type, in
/// hexadecimal, and stands in `local_port`.
fn packet(protocol: &'static str, line: &[u8]) -> Option<Socket> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.split_ascii_whitespace();
    let ethernet = u16::from_str_radix(fields.nth(3)?, 16).ok()?;
    let rx_queue = fields.nth(2)?.parse().ok();
    let uid = fields.next()?.parse().ok();
    let inode = fields.next()?.parse().ok()?;
    Some(Socket { local_port: Some(ethernet), rx_queue, uid, inode, ..empty(protocol) })
}

/// `Num RefCount Protocol Flags Type St Inode Path`; the path may hold anything but a line end.
fn unix(protocol: &'static str, line: &[u8]) -> Option<Socket> {
    let mut rest = line;
    let mut words = [""; 7];
    for word in &mut words {
        let start = rest.iter().position(|b| *b != b' ')?;
        let from = rest.get(start..)?;
        let end = from.iter().position(|b| *b == b' ').unwrap_or(from.len());
        let (this, after) = from.split_at(end);
        *word = std::str::from_utf8(this).ok()?;
        rest = after;
    }
    let [number, _, _, flags, _, state, inode] = words;
    u64::from_str_radix(number.strip_suffix(':')?, 16).ok()?;
    let listens = u32::from_str_radix(flags, 16).ok()? & 0x1_0000 != 0;
    let state = match u8::from_str_radix(state, 16).ok()? {
        _ if listens => Some("LISTEN"),
        1 => Some("UNCONNECTED"),
        2 => Some("CONNECTING"),
        3 => Some("CONNECTED"),
        4 => Some("DISCONNECTING"),
        _ => None,
    };
    let path = rest.strip_prefix(b" ").filter(|p| !p.is_empty()).map(HostPath::from);
    Some(Socket { state, path, inode: inode.parse().ok()?, ..empty(protocol) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_connection() {
        let line = b"   3: 0500000A:A8CA 637100CB:0F74 01 00000001:00000002 00:00000000 00000000  1000        0 48213 1 0000000000000000 20 4 30 10 -1";
        let socket = tcp("tcp", line).unwrap();
        let expect = Socket {
            local_address: Some("10.0.0.5".to_owned()),
            local_port: Some(43210),
            remote_address: Some("203.0.113.99".to_owned()),
            remote_port: Some(3956),
            state: Some("ESTABLISHED"),
            uid: Some(1000),
            inode: 48213,
            tx_queue: Some(1),
            rx_queue: Some(2),
            ..empty("tcp")
        };
        assert_eq!(socket, Socket { remote_address: Some("203.0.113.99".to_owned()), ..expect });
    }

    #[test]
    fn listeners_have_no_peer() {
        let line = b"   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 901 1 0";
        let socket = tcp("tcp", line).unwrap();
        assert_eq!(socket.local_address.as_deref(), Some("0.0.0.0"));
        assert_eq!((socket.remote_address, socket.remote_port), (None, None));
        assert_eq!(socket.state, Some("LISTEN"));
    }

    #[test]
    fn addresses_of_version_6() {
        let address = |text: &str| endpoint(text).map(|(a, p)| (written(a), p));
        let mapped = "0000000000000000FFFF00000500000A:0016";
        assert_eq!(address(mapped), Some(("10.0.0.5".to_owned(), 22)));
        let documentation = "B80D0120000000000000000001000000:01BB";
        assert_eq!(address(documentation), Some(("2001:db8::1".to_owned(), 443)));
        assert_eq!(address("00000000000000000000000000000000:0016").unwrap().0, "::");
        assert_eq!(address("000000:0016"), None);
    }

    #[test]
    fn unix_names() {
        let line =
            b"0000000000000000: 00000002 00000000 00010000 0001 01 23456 /run/two words.sock";
        let socket = unix("unix", line).unwrap();
        assert_eq!(socket.path, Some(HostPath::from("/run/two words.sock")));
        assert_eq!((socket.state, socket.inode), (Some("LISTEN"), 23456));
        let line = b"ffff888: 00000003 00000000 00000000 0001 03   881";
        let socket = unix("unix", line).unwrap();
        assert_eq!((socket.path, socket.inode, socket.state), (None, 881, Some("CONNECTED")));
    }

    #[test]
    fn packet_sockets() {
        let line = b"0000000000000000 3      3    0003   0     1 0      0      5123  ";
        let socket = packet("packet", line).unwrap();
        assert_eq!((socket.local_port, socket.uid, socket.inode), (Some(3), Some(0), 5123));
    }

    #[test]
    fn headings() {
        assert!(is_heading(b"  sl  local_address rem_address   st"));
        assert!(is_heading(b"sk               RefCnt Type Proto"));
        assert!(is_heading(b"Num       RefCount Protocol Flags    Type St Inode Path"));
        assert!(!is_heading(b"   0: 00000000:0016"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            for format in FORMATS {
                let _ = (format.parse)(format.name, &bytes);
            }
        }

        #[test]
        fn no_line_panics(text in " {0,3}[0-9A-F]{0,4}: ([0-9A-F]{0,33}:[0-9A-F]{0,5} ){0,3}[0-9A-F: ]{0,60}.{0,9}") {
            for format in FORMATS {
                let _ = (format.parse)(format.name, text.as_bytes());
            }
        }
    }
}
