//! The table of what was carved.

use crate::evidence::HostPath;
use crate::facts::HostText;

crate::table! {
    pub struct Indicator in indicators, "What was found in bytes: one row for each distinct value in each place carved.";
    kind: &'static str, "", "url, pool (host:port or URL of a known pool, or one in a mining context), address (IP:port), domain, wallet, stratum (a Stratum message), miner-config, miner-option, shell (a download-and-run line), drop (a message that a payload was written to a path), drop-format (the form of such a message, without the path), run (a message that one was started), onion (a Tor name), email, ssh-key (a public key, by its fingerprint), private-key (its form and a digest, never the key), cron (a line of cron), kill-list (the names of competitors that are ended), library (a fingerprint of a library or tool), packer (how a program was packed or hidden: UPX, UPX with altered magic, an ELF file under XOR), pool-list (forty known pools or more: a blocklist or security agent, whose words are left out).";
    value: HostText, "", "The indicator itself, normalised: for drop, the path; for wallet, the address; for url, the URL.";
    detail: Option<HostText>, "", "More of it: coin of a wallet, name of a pool, host of a URL.";
    host: Option<HostText>, "", "The host name or address in it, where there is one.";
    port: Option<u16>, "", "The port in it, where there is one.";
    offset: u64, "bytes", "Offset of the first occurrence in the bytes carved; for memory, the address.";
    region: Option<HostText>, "", "For memory, the mapping and its permissions.";
    encoding: String, "", "ascii, utf-16le, or the way by which it was decoded, the outermost step first: base64, hex, percent, xor-5a (the key), gzip, zlib, base64>utf-16le, …";
    context: HostText, "", "The printable run it stands in, at most 256 bytes.";
    count: u64, "", "Occurrences in this place.";
    why: String, "", "Why it counts.";
    place: &'static str, "", "executable, startup-program (what a startup entry would run, an ELF file that does not run now), deleted-file, deleted-library, memfd, memory, file; of an archive, image (of a machine's memory), member (one that belongs to no known process or file), large-file (a file of the host that was too large to hold).";
    pid: Option<u32>, "", "The process whose executable, file or memory it is.";
    path: Option<HostPath>, "", "The file; for memory, the process's executable; for image and member, the archive's member.";
    origin: String, "", "Fact id of what was carved: elf/…, open_files/…, mappings/…, processes/…, files/….";
}
