//! The user's own list of bad addresses and names, with columns of whatever name lists of this kind
//! have: `indicator`, `value`, `ip`, `domain`, `url`. A list that is not understood would find
//! nothing, and that would look like an answer.

use super::Complaint;
use super::lookup::Lookup;
use std::net::IpAddr;

/// The lookup's name.
pub(super) const NAME: &str = "reputation";

/// Columns that hold the indicator, and the kind that their names tell.
const INDICATORS: &[(&str, Option<&str>)] = &[
    ("indicator", None),
    ("value", None),
    ("ioc", None),
    ("address", Some("address")),
    ("ip", Some("address")),
    ("range", Some("range")),
    ("cidr", Some("range")),
    ("name", Some("name")),
    ("domain", Some("name")),
    ("host", Some("name")),
    ("hostname", Some("name")),
    ("url", Some("url")),
];

/// Columns that say what an indicator is of.
const WHAT: &[&str] = &["what", "description", "comment", "note", "threat", "tag", "tags"];

/// The list with the columns `indicator`, `kind` and `what`; what of it was not understood.
pub(super) fn normal(list: &Lookup, file: &str) -> (Lookup, Vec<Complaint>) {
    let mut out = Lookup {
        name: list.name.clone(),
        columns: ["indicator", "kind", "what"].map(str::to_owned).to_vec(),
        rows: Vec::new(),
    };
    let place = |name: &str| list.columns.iter().position(|column| column == name);
    let named: Vec<(usize, Option<&str>)> =
        INDICATORS.iter().filter_map(|(name, kind)| Some((place(name)?, *kind))).collect();
    if named.is_empty() {
        let wanted: Vec<&str> = INDICATORS.iter().map(|(name, _)| *name).collect();
        let message = format!("no column of {}: nothing of it is used", wanted.join(", "));
        return (out, vec![Complaint::of_file(file, message)]);
    }
    let (kind_at, what_at) =
        (place("kind").or_else(|| place("type")), WHAT.iter().find_map(|name| place(name)));
    let (mut odd, mut first) = (0_u64, None);
    for row in &list.rows {
        let cell = |at: usize| row.get(at).and_then(Option::as_deref).map(str::trim);
        let what = what_at.and_then(cell).map(str::to_owned);
        let mut used = false;
        for (at, by_column) in &named {
            let Some(text) = cell(*at).filter(|text| !text.is_empty()) else { continue };
            let said = kind_at.and_then(cell).filter(|kind| !kind.is_empty());
            if let Some((indicator, kind)) = understood(text, said, *by_column) {
                out.rows.push(vec![Some(indicator), Some(kind.to_owned()), what.clone()]);
                used = true;
            }
        }
        if !used {
            odd += 1;
            first
                .get_or_insert_with(|| row.iter().flatten().cloned().collect::<Vec<_>>().join(","));
        }
    }
    let mut told = Vec::new();
    if let Some(first) = first {
        let rows = if odd == 1 { "1 row is" } else { &format!("{odd} rows are") };
        let message = format!(
            "{rows} not understood and not used, the first: {first} (an address, a range, a name or \
             a piece of a URL is wanted, and as kind address, ip, range, name, domain, host, url or \
             none)"
        );
        told.push(Complaint::of_file(file, message));
    }
    (out, told)
}

/// An indicator as the logs write it, and of which kind it is.
fn understood(
    text: &str,
    said: Option<&str>,
    by_column: Option<&'static str>,
) -> Option<(String, &'static str)> {
    let kind = match said.map(str::to_ascii_lowercase).as_deref() {
        Some("address" | "ip" | "ipv4" | "ipv6" | "ip-dst" | "ip-src") => Some("address"),
        Some("range" | "cidr" | "net" | "network") => Some("range"),
        Some("name" | "domain" | "host" | "hostname" | "fqdn") => Some("name"),
        Some("url" | "uri") => Some("url"),
        Some(_) => return None,
        None => by_column,
    };
    let address =
        || text.parse::<IpAddr>().ok().map(|ip| (ip.to_canonical().to_string(), "address"));
    let range = || {
        let (ip, bits) = text.split_once('/')?;
        let ip: IpAddr = ip.parse().ok()?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        bits.parse::<u8>().ok().filter(|bits| *bits <= most)?;
        Some((text.to_owned(), "range"))
    };
    let name = || {
        let bare = text.trim_start_matches("*.").trim_matches('.').to_lowercase();
        let fits = bare.contains('.')
            && address().is_none()
            && bare.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
            // Of the root downwards, no zone is a number: 1.2.3 is half an address.
            && bare.rsplit('.').next().is_some_and(|top| !top.chars().all(|c| c.is_ascii_digit()));
        fits.then_some((bare, "name"))
    };
    match kind {
        // Lists of addresses hold ranges as well.
        Some("address" | "range") => address().or_else(range),
        // And of hosts, addresses.
        Some("name") => name().or_else(address),
        Some(_) => Some((text.to_owned(), "url")),
        None => address().or_else(range).or_else(name).or_else(|| {
            (text.contains('/') && !text.contains(' ')).then(|| (text.to_owned(), "url"))
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let (list, problems) = Lookup::parse(NAME, "l.csv", text);
        assert!(problems.is_empty());
        let (list, told) = normal(&list, "l.csv");
        let row = |row: &Vec<Option<String>>| {
            row.iter().map(|c| c.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ")
        };
        (list.rows.iter().map(row).collect(), told.iter().map(|c| c.message.clone()).collect())
    }

    #[test]
    fn lists_of_all_kinds_are_understood() {
        let (rows, told) = read(
            "indicator,what\n192.0.2.1,a\n198.51.100.0/24,b\nEvil.example,c\nevil.example/x.sh,d\n",
        );
        assert_eq!(
            rows,
            [
                "192.0.2.1 address a",
                "198.51.100.0/24 range b",
                "evil.example name c",
                "evil.example/x.sh url d"
            ]
        );
        assert!(told.is_empty());
        let (rows, _) =
            read("value,type\n192.0.2.1,ip\n*.evil.example,domain\nx.example,host\n/x,url\n");
        assert_eq!(
            rows,
            ["192.0.2.1 address -", "evil.example name -", "x.example name -", "/x url -"]
        );
        let (rows, _) = read("ip,domain,comment\n192.0.2.1,evil.example,both\n");
        assert_eq!(rows, ["192.0.2.1 address both", "evil.example name both"]);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let (rows, told) = read("indicator,kind\n192.0.2.999,ip\nd41d8cd98f,md5\n192.0.2.1,\n");
        assert_eq!(rows, ["192.0.2.1 address -"]);
        assert!(told.first().unwrap().starts_with("2 rows are not understood"), "{told:?}");
        let (rows, told) = read("wrong,what\n192.0.2.1,x\n");
        assert!(rows.is_empty());
        assert!(told.first().unwrap().starts_with("no column of indicator"), "{told:?}");
    }
}
