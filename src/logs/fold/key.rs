//! What tells conversations apart, packed into few bytes whose order is the rows' order.

use super::super::flow::FlowSeen;
use crate::facts::HostText;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which columns tell conversations apart; those left out are folded into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct By(u8);

impl By {
    /// None: everything is one conversation.
    pub const NONE: Self = Self(0);
    /// Who began.
    pub const ORIGINATOR: Self = Self(1);
    /// Who answered.
    pub const RESPONDER: Self = Self(2);
    /// Its port.
    pub const PORT: Self = Self(4);
    /// tcp, udp …
    pub const PROTOCOL: Self = Self(8);
    /// What the sensor takes it for.
    pub const SERVICE: Self = Self(16);
    /// All of them.
    pub const ALL: Self = Self(31);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// By a column's name in `conversations`.
    #[must_use]
    pub fn column(name: &str) -> Option<Self> {
        Some(match name {
            "originator" => Self::ORIGINATOR,
            "responder" => Self::RESPONDER,
            "responder_port" => Self::PORT,
            "protocol" => Self::PROTOCOL,
            "service" => Self::SERVICE,
            _ => return None,
        })
    }
}

/// A service's name is cut there.
const LONGEST: usize = 64;

/// Protocols by one byte; others are written out.
const PROTOCOLS: &[&str] = &["tcp", "udp", "icmp", "icmp6"];

pub(super) fn pack(by: By, flow: &FlowSeen<'_>, into: &mut Vec<u8>) {
    put_address(flow.originator.filter(|_| by.has(By::ORIGINATOR)), into);
    put_address(flow.responder.filter(|_| by.has(By::RESPONDER)), into);
    match flow.responder_port.filter(|_| by.has(By::PORT)) {
        None => into.push(0),
        Some(port) => {
            into.push(1);
            into.extend_from_slice(&port.to_be_bytes());
        }
    }
    match flow.protocol.as_deref().filter(|_| by.has(By::PROTOCOL)) {
        None => into.push(0),
        Some(name) => match (1u8..).zip(PROTOCOLS).find(|(_, known)| **known == name) {
            Some((code, _)) => into.push(code),
            None => {
                let name = name.as_bytes().get(..LONGEST).unwrap_or(name.as_bytes());
                into.push(128);
                into.push(u8::try_from(name.len()).unwrap_or(0));
                into.extend_from_slice(name);
            }
        },
    }
    if by.has(By::SERVICE)
        && let Some(service) = flow.service.as_deref()
    {
        into.extend_from_slice(service.get(..LONGEST).unwrap_or(service));
    }
}

fn put_address(address: Option<IpAddr>, into: &mut Vec<u8>) {
    match address {
        None => into.push(0),
        Some(IpAddr::V4(v4)) => {
            into.push(4);
            into.extend_from_slice(&v4.octets());
        }
        Some(IpAddr::V6(v6)) => {
            into.push(6);
            into.extend_from_slice(&v6.octets());
        }
    }
}

/// A key, read back.
#[derive(Default)]
pub(super) struct Parts {
    pub originator: Option<IpAddr>,
    pub responder: Option<IpAddr>,
    pub responder_port: Option<u16>,
    pub protocol: Option<Cow<'static, str>>,
    pub service: Option<HostText>,
}

pub(super) fn unpack(key: &[u8]) -> Parts {
    let mut parts = Parts::default();
    // Keys are our own: what does not fit cannot be, and is not known.
    let _ = read(key, &mut parts);
    parts
}

fn read(key: &[u8], parts: &mut Parts) -> Option<()> {
    let (originator, rest) = take_address(key)?;
    let (responder, rest) = take_address(rest)?;
    (parts.originator, parts.responder) = (originator, responder);
    let rest = match rest {
        [1, high, low, rest @ ..] => {
            parts.responder_port = Some(u16::from_be_bytes([*high, *low]));
            rest
        }
        [_, rest @ ..] => rest,
        [] => return None,
    };
    let rest = match rest {
        [128, length, rest @ ..] => {
            let (name, rest) = rest.split_at_checked(usize::from(*length))?;
            parts.protocol = Some(Cow::Owned(String::from_utf8_lossy(name).into_owned()));
            rest
        }
        [code, rest @ ..] => {
            let place = usize::from(*code).checked_sub(1);
            parts.protocol =
                place.and_then(|place| PROTOCOLS.get(place)).map(|known| Cow::Borrowed(*known));
            rest
        }
        [] => return None,
    };
    parts.service = (!rest.is_empty()).then(|| HostText::from(rest));
    Some(())
}

fn take_address(key: &[u8]) -> Option<(Option<IpAddr>, &[u8])> {
    match key {
        [4, rest @ ..] => {
            let (octets, rest) = rest.split_first_chunk::<4>()?;
            Some((Some(IpAddr::V4(Ipv4Addr::from(*octets))), rest))
        }
        [6, rest @ ..] => {
            let (octets, rest) = rest.split_first_chunk::<16>()?;
            Some((Some(IpAddr::V6(Ipv6Addr::from(*octets))), rest))
        }
        [_, rest @ ..] => Some((None, rest)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_reads_back(
            from: Option<IpAddr>, to: Option<IpAddr>, port: Option<u16>,
            protocol in proptest::option::of("tcp|udp|esp|97"), service in proptest::option::of("[a-z,]{1,20}"),
        ) {
            let flow = FlowSeen {
                originator: from,
                responder: to,
                responder_port: port,
                protocol: protocol.clone().map(Cow::Owned),
                service: service.as_deref().map(|s| Cow::Borrowed(s.as_bytes())),
                ..FlowSeen::default()
            };
            let mut key = Vec::new();
            pack(By::ALL, &flow, &mut key);
            let parts = unpack(&key);
            prop_assert_eq!(parts.originator, from);
            prop_assert_eq!(parts.responder, to);
            prop_assert_eq!(parts.responder_port, port);
            prop_assert_eq!(parts.protocol.as_deref(), protocol.as_deref());
            prop_assert_eq!(parts.service.map(|s| s.0), service.map(String::into_bytes));
        }
    }
}
