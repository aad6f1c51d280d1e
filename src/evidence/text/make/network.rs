//! Interfaces, addresses, routes, neighbours, and /proc/net of each network namespace.

use super::super::arguments::Arguments;
use super::super::error::Fault;
use super::container::Namespaces;
use super::{Maker, SYS, Tree};
use crate::evidence::HostPath;
use crate::evidence::tree::{Attributes, Body, NodeId};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What /proc/net of one namespace holds.
#[derive(Default)]
pub(super) struct Network {
    sockets: BTreeMap<&'static str, Vec<Vec<u8>>>,
    interfaces: BTreeMap<String, Interface>,
    routes: Vec<(String, Ipv4Addr, u8, Ipv4Addr, u32)>,
    neighbours: Vec<(String, String, String)>,
}

/// A network card.
#[derive(Clone, Default)]
struct Interface {
    addresses: Vec<(IpAddr, u8)>,
    mac: String,
    state: String,
    received: u64,
    sent: u64,
}

const TABLES: &[(&str, &str)] = &[
    (
        "tcp",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n",
    ),
    (
        "tcp6",
        "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n",
    ),
    (
        "udp",
        "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n",
    ),
    (
        "udp6",
        "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n",
    ),
    (
        "raw",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n",
    ),
    (
        "raw6",
        "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n",
    ),
    ("unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"),
    ("packet", "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n"),
];

impl Network {
    /// The lines of one table, without its heading.
    pub(super) fn lines(&mut self, table: &str) -> &mut Vec<Vec<u8>> {
        let name = TABLES.iter().map(|(name, _)| *name).find(|n| *n == table).unwrap_or("tcp");
        self.sockets.entry(name).or_default()
    }
}

impl Maker {
    /// `address IFACE ADDRESS/BITS [mac=] [gateway=] [net=] [rx=] [tx=] [state=]`.
    pub(super) fn stated_address(&mut self, words: &mut Arguments<'_>) -> Result<(), Fault> {
        let name = interface_name(words)?;
        let text = String::from_utf8_lossy(words.need("an address such as 10.0.0.5/24")?);
        let (address, bits) = text.split_once('/').unwrap_or((text.as_ref(), "32"));
        let address: Option<IpAddr> = address.parse().ok();
        let bits: Option<u8> = bits.parse().ok().filter(|b| *b <= 128);
        let Some((address, bits)) = address.zip(bits) else {
            return Err(
                words.fault(format!("expected an address such as 10.0.0.5/24, found {text}"))
            );
        };
        if address.is_ipv4() && bits > 32 {
            return Err(words.fault("expected at most 32 bits"));
        }
        let gateway = words.text("gateway")?.map(str::parse::<Ipv4Addr>);
        let gateway =
            gateway.transpose().map_err(|_| words.fault("expected gateway= an IPv4 address"))?;
        let mac = words.text("mac")?.unwrap_or("52:54:00:12:34:56").to_owned();
        let state = words.text("state")?.unwrap_or("up").to_owned();
        let namespace = words.number("net")?.unwrap_or(Namespaces::FIRST.net);
        let (received, sent) = (words.number("rx")?, words.number("tx")?);
        let network = self.networks.entry(namespace).or_default();
        let interface = network.interfaces.entry(name.clone()).or_default();
        interface.addresses.push((address, bits));
        interface.mac = mac;
        interface.state = state;
        interface.received = received.unwrap_or(1_048_576);
        interface.sent = sent.unwrap_or(524_288);
        if let IpAddr::V4(ip) = address {
            let subnet = Ipv4Addr::from(u32::from(ip) & mask(bits));
            network.routes.push((name.clone(), subnet, bits, Ipv4Addr::UNSPECIFIED, 0));
        }
        if let Some(gateway) = gateway {
            network.routes.push((name, Ipv4Addr::UNSPECIFIED, 0, gateway, 0));
        }
        Ok(())
    }

    /// `neighbour ADDRESS MAC IFACE`.
    pub(super) fn stated_neighbour(&mut self, words: &mut Arguments<'_>) -> Result<(), Fault> {
        let address = String::from_utf8_lossy(words.need("an address")?).into_owned();
        let mac = String::from_utf8_lossy(words.need("a hardware address")?).into_owned();
        let name = interface_name(words)?;
        let network = self.networks.entry(Namespaces::FIRST.net).or_default();
        network.neighbours.push((address, mac, name));
        Ok(())
    }

    /// `route NETWORK/BITS IFACE [via=] [metric=]`.
    pub(super) fn stated_route(&mut self, words: &mut Arguments<'_>) -> Result<(), Fault> {
        let text = String::from_utf8_lossy(words.need("a network such as 10.1.0.0/16")?);
        let parsed =
            text.split_once('/').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let Some((subnet, bits)) = parsed.filter(|(_, b)| *b <= 32) else {
            return Err(
                words.fault(format!("expected a network such as 10.1.0.0/16, found {text}"))
            );
        };
        let name = interface_name(words)?;
        let via = words.text("via")?.unwrap_or("0.0.0.0").parse();
        let via = via.map_err(|_| words.fault("expected via= an IPv4 address"))?;
        let metric = words.number("metric")?.unwrap_or(0);
        let network = self.networks.entry(Namespaces::FIRST.net).or_default();
        network.routes.push((name, subnet, bits, via, metric));
        Ok(())
    }

    /// Writes /proc/PID/net of every process, /proc/net and /sys/class/net.
    pub(super) fn networks(&mut self) {
        let mut networks = std::mem::take(&mut self.networks);
        networks.entry(Namespaces::FIRST.net).or_default();
        let processes: Vec<(u64, NodeId)> = self.namespaces_of_processes();
        for (namespace, _) in &processes {
            networks.entry(*namespace).or_default();
        }
        for (namespace, network) in &mut networks {
            let lo = network.interfaces.entry("lo".to_owned()).or_insert_with(|| Interface {
                mac: "00:00:00:00:00:00".to_owned(),
                state: "unknown".to_owned(),
                received: 4096,
                sent: 4096,
                ..Interface::default()
            });
            if lo.addresses.is_empty() {
                lo.addresses.push((IpAddr::V4(Ipv4Addr::LOCALHOST), 8));
                lo.addresses.push((IpAddr::V6(Ipv6Addr::LOCALHOST), 128));
            }
            let attributes = self.in_proc(0o555);
            let directory = self.tree.add(&attributes, Body::Names(BTreeMap::new()));
            self.network_files(directory, network);
            for (_, process) in processes.iter().filter(|(n, _)| n == namespace) {
                self.tree.name(*process, b"net", directory);
            }
            if *namespace == Namespaces::FIRST.net {
                self.class_net(network);
            }
        }
    }

    /// The network namespace of every /proc/PID, by its link.
    fn namespaces_of_processes(&self) -> Vec<(u64, NodeId)> {
        let proc = self.find(Tree::ROOT, &HostPath::from("/proc"));
        let Some(Body::Names(names)) = proc.and_then(|id| self.tree.get(id)).map(|n| &n.body)
        else {
            return Vec::new();
        };
        let namespace = |id: NodeId| {
            let link = self.tree.resolve(Tree::ROOT, id, b"ns/net", true).ok()?;
            Some((self.tree.get(link)?.stat.inode, id))
        };
        names.values().filter_map(|id| namespace(*id)).collect()
    }

    fn network_files(&mut self, directory: NodeId, network: &Network) {
        for (table, heading) in TABLES {
            let mut text = heading.as_bytes().to_vec();
            for line in network.sockets.get(table).into_iter().flatten() {
                text.extend_from_slice(line);
            }
            self.put_proc(directory, table, text);
        }
        let mut dev =
            "Inter-|   Receive                                                |  Transmit\n \
                       face |bytes    packets errs drop fifo frame compressed multicast|bytes    \
                       packets errs drop fifo colls carrier compressed\n"
                .to_owned();
        let mut six = String::new();
        let mut trie = String::from("Local:\n");
        for (index, (name, interface)) in (1..).zip(&network.interfaces) {
            // Writing to a String cannot fail.
            let _ = writeln!(
                dev,
                "{name:>6}: {:7} 100    0    0    0     0          0         0 {:8} 100    0    0    0     0       0          0",
                interface.received, interface.sent
            );
            for (address, bits) in &interface.addresses {
                match address {
                    IpAddr::V4(ip) => {
                        let _ = writeln!(trie, "           |-- {ip}\n              /32 host LOCAL");
                    }
                    IpAddr::V6(ip) => {
                        let hex: String = ip.octets().iter().fold(String::new(), |mut t, b| {
                            let _ = write!(t, "{b:02x}");
                            t
                        });
                        let scope = if ip.is_loopback() { "10" } else { "00" };
                        let _ = writeln!(six, "{hex} {index:02x} {bits:02x} {scope} 80 {name:>8}");
                    }
                }
            }
        }
        let mut route =
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
                .to_owned();
        for (name, subnet, bits, via, metric) in &network.routes {
            let form = |ip: u32| format!("{:08X}", ip.swap_bytes());
            let flags = if via.is_unspecified() { "0001" } else { "0003" };
            let (subnet, via, mask) =
                (form(u32::from(*subnet)), form(u32::from(*via)), form(mask(*bits)));
            let _ = writeln!(
                route,
                "{name}\t{subnet}\t{via}\t{flags}\t0\t0\t{metric}\t{mask}\t0\t0\t0"
            );
        }
        let mut arp =
            "IP address       HW type     Flags       HW address            Mask     Device\n"
                .to_owned();
        for (address, mac, name) in &network.neighbours {
            let _ =
                writeln!(arp, "{address:<16} 0x1         0x2         {mac}     *        {name}");
        }
        self.put_proc(directory, "dev", dev);
        self.put_proc(directory, "if_inet6", six);
        self.put_proc(directory, "fib_trie", trie);
        self.put_proc(directory, "route", route);
        self.put_proc(directory, "arp", arp);
    }

    fn class_net(&mut self, network: &Network) {
        for (index, (name, interface)) in (1_u32..).zip(&network.interfaces) {
            let attributes =
                Attributes { btime: None, ..Attributes::new(0o755, self.about.booted, SYS) };
            let path = format!("/sys/class/net/{name}");
            let directory = self.tree.directory(Tree::ROOT, path.as_bytes(), &attributes);
            let statistics = self.tree.directory(directory, b"statistics", &attributes);
            self.put_proc(directory, "address", format!("{}\n", interface.mac));
            self.put_proc(directory, "operstate", format!("{}\n", interface.state));
            self.put_proc(directory, "ifindex", format!("{index}\n"));
            self.put_proc(statistics, "rx_bytes", format!("{}\n", interface.received));
            self.put_proc(statistics, "tx_bytes", format!("{}\n", interface.sent));
        }
    }
}

fn mask(bits: u8) -> u32 {
    u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(bits))).unwrap_or(0)
}

fn interface_name(words: &mut Arguments<'_>) -> Result<String, Fault> {
    let name = String::from_utf8_lossy(words.need("an interface")?).into_owned();
    if name.is_empty() || name.len() > 15 || name.contains(['/', ' ']) || name.starts_with('.') {
        return Err(words.fault(format!("expected an interface's name, found {name}")));
    }
    Ok(name)
}
