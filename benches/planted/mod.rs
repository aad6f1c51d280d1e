//! Alerts with planted groups, and how well sets recover them.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

/// A generator whose numbers are the same on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Writes so many alerts of eve.json by so many sources in so many groups, each with three to eight
/// signatures of its own choice out of `signatures` and hours of its own; a tenth is noise. Gives
/// the group of each source that raised something.
pub fn write(
    path: &Path,
    alerts: u64,
    sources: u64,
    groups: u64,
    signatures: u64,
) -> BTreeMap<String, u64> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let plan: Vec<(Vec<u64>, u64, u64)> = (0..groups)
        .map(|_| {
            let own = (0..3 + random.below(6)).map(|_| random.below(signatures)).collect();
            (own, random.below(6 * 86_400), 1_800 + random.below(80_000))
        })
        .collect();
    let group_of: Vec<u64> = (0..sources).map(|_| random.below(groups)).collect();
    let name = |source: u64| {
        format!("{}.{}.{}.{}", 20 + source % 60, source / 60 % 250, source / 15_000 % 250, 7)
    };
    let mut truth = BTreeMap::new();
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path).unwrap());
    for _ in 0..alerts {
        let source = random.below(sources);
        let group = group_of[source as usize];
        let (own, start, length) = &plan[group as usize];
        let (signature, at) = if random.below(10) == 0 {
            (random.below(signatures), random.below(7 * 86_400))
        } else {
            (own[random.below(own.len() as u64) as usize], start + random.below(*length))
        };
        let (day, second) = (20 + at / 86_400, at % 86_400);
        let target = random.below(2_000);
        writeln!(
            out,
            "{{\"timestamp\":\"2026-11-{day:02}T{:02}:{:02}:{:02}.{:06}+0000\",\"event_type\":\"alert\",\"src_ip\":\"{}\",\"src_port\":{},\"dest_ip\":\"10.0.{}.{}\",\"dest_port\":{},\"proto\":\"TCP\",\"alert\":{{\"action\":\"allowed\",\"gid\":1,\"signature_id\":{},\"rev\":1,\"signature\":\"ET SCAN planted signature {signature}\",\"category\":\"Attempted Information Leak\",\"severity\":{}}}}}",
            second / 3600,
            second / 60 % 60,
            second % 60,
            random.below(1_000_000),
            name(source),
            1024 + random.below(60_000),
            target / 250,
            target % 250,
            1000 + signature,
            2_000_000 + signature,
            1 + signature % 3,
        )
        .unwrap();
        truth.insert(name(source), group);
    }
    out.flush().unwrap();
    truth
}

/// The adjusted Rand index of two partitions; who is in no set is a set of his own.
pub fn adjusted_rand(truth: &BTreeMap<String, u64>, found: &BTreeMap<String, usize>) -> f64 {
    let pairs = |n: f64| n * (n - 1.0) / 2.0;
    let (mut both, mut rows, mut columns) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (alone, (name, group)) in truth.iter().enumerate() {
        let set = found.get(name).map_or((1, alone), |set| (0, *set));
        *both.entry((*group, set)).or_insert(0.0) += 1.0;
        *rows.entry(*group).or_insert(0.0) += 1.0;
        *columns.entry(set).or_insert(0.0) += 1.0;
    }
    let sum = |counts: Vec<f64>| counts.into_iter().map(pairs).sum::<f64>();
    let (index, a, b) = (
        sum(both.into_values().collect()),
        sum(rows.into_values().collect()),
        sum(columns.into_values().collect()),
    );
    let expected = a * b / pairs(truth.len() as f64);
    let most = (a + b) / 2.0;
    if most == expected { 1.0 } else { (index - expected) / (most - expected) }
}
