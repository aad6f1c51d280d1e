//! Whom an alert speaks against. Being one end of an alert is no guilt: a resolver is asked, a mirror
//! is downloaded from, and a checksum may be wrong on the way.

use crate::judge::Level;

/// What an alert says, as far as it bears on that.
pub(in crate::graph) struct Said<'a> {
    pub signature: &'a str,
    pub category: &'a str,
    pub severity: Option<Level>,
    pub client_port: Option<u16>,
    pub server_port: Option<u16>,
    /// `client` or `server`, where the sensor says which of them attacks.
    pub attacker: &'a str,
}

/// Which of its ends an alert accuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::graph) struct Accused {
    /// Who began: it is graded, and speaks against him.
    pub client: bool,
    /// Who was called.
    pub server: bool,
    /// Whether it may count among the systems that the client troubled: not graded is no hindrance.
    pub towards: bool,
}

/// Ports of resolvers: whoever answers on them was asked.
const RESOLVING: [u16; 3] = [53, 853, 5353];

/// Classes that say that something is done, not that it is an attack.
const HARMLESS: &[&str] = &[
    "misc activity",
    "not suspicious traffic",
    "not-suspicious",
    "misc-activity",
    "generic protocol command decode",
    "protocol-command-decode",
    "potential corporate privacy violation",
    "policy-violation",
    "unknown traffic",
];

/// How names of such rules begin, behind their publisher.
const POLICY: &[&str] = &["policy", "info", "hunting", "games", "chat", "p2p", "tor "];

/// Words of what calls home: the one who is called is its master, the one who calls is infected.
const CALLS_HOME: &[&str] = &[
    "trojan",
    "command and control",
    "command-and-control",
    "used for c2",
    "domain-c2",
    "coin-mining",
    "coinminer",
    "crypto currency mining",
    "cryptocurrency",
    "miner checkin",
    "stratum",
    "mining pool",
    "backdoor",
    "botnet",
    "cnc",
    " c2 ",
];

/// Words of what is done to the one who is called: he is a victim of it.
const OUTWARD: &[&str] = &[
    "attempted",
    "web application attack",
    " scan",
    "denial of service",
    "bruteforce",
    "unauthorizedaccess",
];

impl Said<'_> {
    fn speaks_of(&self, words: &[&str]) -> bool {
        let both = format!("{} {} ", self.signature, self.category).to_ascii_lowercase();
        words.iter().any(|word| both.contains(word))
    }

    /// Whether it tells of a program that calls home.
    fn calls_home(&self) -> bool {
        self.speaks_of(CALLS_HOME)
    }

    fn outward(&self) -> bool {
        self.speaks_of(OUTWARD)
    }

    /// Whether it is a remark on traffic: by the sensor's decoder, or by a rule on policy.
    fn harmless(&self) -> bool {
        let signature = self.signature.to_ascii_lowercase();
        if signature.starts_with("suricata ") {
            return true;
        }
        if self.calls_home() {
            return false;
        }
        let rest = ["et ", "etpro ", "gpl "].iter().find_map(|by| signature.strip_prefix(by));
        let rest = rest.unwrap_or(&signature);
        POLICY.iter().any(|word| rest.starts_with(word))
            || HARMLESS.contains(&self.category.to_ascii_lowercase().as_str())
    }

    /// Whether it is evidence of anything hostile.
    pub fn evidence(&self) -> bool {
        self.severity >= Some(Level::Medium) && !self.harmless()
    }

    /// Whether the name in it is what is hostile: all that was asked for by DNS; of what was called,
    /// where the alert is grave or tells of what calls home.
    pub fn names_it(&self, app_proto: &str) -> bool {
        let asked = app_proto == "dns" || self.server_port.is_some_and(|p| RESOLVING.contains(&p));
        self.evidence()
            && (asked
                || self.calls_home()
                || (self.severity >= Some(Level::High) && !self.outward()))
    }
}

impl Accused {
    pub fn by(said: &Said<'_>) -> Self {
        let resolves = |port: Option<u16>| port.is_some_and(|port| RESOLVING.contains(&port));
        let (evidence, home) = (said.evidence(), said.calls_home());
        let by_server = said.attacker == "server";
        // A resolver's answer, told in the packet's direction. A client may have that port, too.
        let answer = resolves(said.client_port) && !resolves(said.server_port);
        let grave = said.severity >= Some(Level::High) && !said.outward();
        let graded = said.severity.is_none_or(|level| level >= Level::Medium);
        Self {
            client: evidence && !answer && (!by_server || home),
            server: evidence && !resolves(said.server_port) && (home || by_server || grave),
            towards: graded && !said.harmless() && !answer && !by_server,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<'a>(signature: &'a str, category: &'a str, severity: Level) -> Said<'a> {
        Said {
            signature,
            category,
            severity: Some(severity),
            client_port: Some(40_000),
            server_port: Some(80),
            attacker: "",
        }
    }

    #[test]
    fn only_what_is_hostile_itself_is_accused() {
        let policy = said("ET POLICY curl User-Agent Outbound", "c", Level::Medium);
        assert_eq!(Accused::by(&policy), Accused::default());
        let decoder = said("SURICATA UDPv4 invalid checksum", "c", Level::Low);
        assert_eq!(Accused::by(&decoder), Accused::default());
        let asked =
            Said { server_port: Some(53), ..said("ET DNS Query to a *.top", "c", Level::Medium) };
        assert!(!Accused::by(&asked).server && asked.names_it("dns"));
        let download =
            Said { attacker: "server", ..said("ET EXPLOIT_KIT Landing", "c", Level::High) };
        let accused = Accused::by(&download);
        assert!(accused.server && !accused.client);
        let scan = Accused::by(&said("ET SCAN ssh", "Attempted Information Leak", Level::High));
        assert!(scan.client && !scan.server);
        let pool = Accused::by(&said(
            "ET POLICY Cryptocurrency Miner Checkin",
            "policy-violation",
            Level::High,
        ));
        assert!(pool.client && pool.server);
    }
}
