//! Addresses of name servers that everybody has in programs and lists: alone they lead nowhere.
//!
//! The root servers are those of IANA's root hints (https://www.internic.net/domain/named.root), with former
//! addresses that old lists keep; the resolvers are those that their operators publish.

use std::net::Ipv4Addr;

const KNOWN: &[[u8; 4]] = &[
    // a to m.root-servers.net
    [198, 41, 0, 4],
    [170, 247, 170, 2],
    [192, 33, 4, 12],
    [199, 7, 91, 13],
    [192, 203, 230, 10],
    [192, 5, 5, 241],
    [192, 112, 36, 4],
    [198, 97, 190, 53],
    [192, 36, 148, 17],
    [192, 58, 128, 30],
    [193, 0, 14, 129],
    [199, 7, 83, 42],
    [202, 12, 27, 33],
    // b, d, h and l as they were
    [199, 9, 14, 201],
    [192, 228, 79, 201],
    [128, 8, 10, 90],
    [128, 63, 2, 53],
    [198, 32, 64, 12],
    // Google, Cloudflare, Quad9
    [8, 8, 8, 8],
    [8, 8, 4, 4],
    [1, 1, 1, 1],
    [1, 0, 0, 1],
    [9, 9, 9, 9],
    [9, 9, 9, 10],
    [9, 9, 9, 11],
    [149, 112, 112, 9],
    [149, 112, 112, 10],
    [149, 112, 112, 11],
    [149, 112, 112, 112],
    // OpenDNS
    [208, 67, 220, 123],
    [208, 67, 220, 220],
    [208, 67, 222, 123],
    [208, 67, 222, 222],
    // AdGuard
    [94, 140, 14, 14],
    [94, 140, 14, 15],
    [94, 140, 15, 15],
    [94, 140, 15, 16],
    // CleanBrowsing
    [185, 228, 168, 9],
    [185, 228, 168, 10],
    [185, 228, 168, 168],
    [185, 228, 169, 9],
    [185, 228, 169, 11],
    [185, 228, 169, 168],
    // Level 3, Verisign, DNS.WATCH, Yandex
    [4, 2, 2, 1],
    [4, 2, 2, 2],
    [64, 6, 64, 6],
    [64, 6, 65, 6],
    [84, 200, 69, 80],
    [84, 200, 70, 40],
    [77, 88, 8, 1],
    [77, 88, 8, 8],
];

/// Whether this is one of them.
pub(super) fn known(address: Ipv4Addr) -> bool {
    KNOWN.contains(&address.octets())
}
