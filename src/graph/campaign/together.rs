//! Signatures that go together: of a source that raised few, what others who raised the same raised
//! besides says which set it is of.

use super::similar::{Vector, unit};
use std::collections::HashMap;

/// A source that raised so many signatures or more says enough by itself.
const ENOUGH: usize = 5;
/// A pair of signatures is looked at if so many sources raised both,
const FEWEST: u32 = 3;
/// and so many times more than would by chance.
const BEYOND_CHANCE: f64 = 3.0;
/// Signatures of one source whose pairs are counted; one that raised more says nothing of them.
const MOST: usize = 32;
/// Neighbours of one signature.
const MOST_NEAR: usize = 24;

/// The vectors, those of few signatures widened by what goes together with these.
pub(super) fn widened(vectors: &[Vector], sources: &[u32]) -> Vec<Vector> {
    let near = near(vectors, sources);
    vectors
        .iter()
        .map(|vector| {
            if vector.len() >= ENOUGH {
                return vector.clone();
            }
            let mut sums: HashMap<u32, f64> = vector.iter().copied().collect();
            for (signature, weight) in vector {
                for (other, with) in near.get(signature).into_iter().flatten() {
                    *sums.entry(*other).or_default() += weight * with;
                }
            }
            let mut wide: Vector = sums.into_iter().collect();
            wide.sort_unstable_by_key(|(signature, _)| *signature);
            unit(wide)
        })
        .collect()
}

/// Of each signature those that go together with it, and how closely, 0 to 1.
fn near(vectors: &[Vector], sources: &[u32]) -> HashMap<u32, Vec<(u32, f64)>> {
    let mut both: HashMap<(u32, u32), u32> = HashMap::new();
    for vector in vectors.iter().filter(|vector| vector.len() <= MOST) {
        for (at, (a, _)) in vector.iter().enumerate() {
            for (b, _) in vector.iter().skip(at.saturating_add(1)) {
                *both.entry((*a, *b)).or_default() += 1;
            }
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let all = vectors.len() as f64;
    let with = |signature: u32| f64::from(sources.get(signature as usize).copied().unwrap_or(1));
    let mut near: HashMap<u32, Vec<(u32, f64)>> = HashMap::new();
    for ((a, b), count) in both {
        let (one, other) = (with(a), with(b));
        if count >= FEWEST && f64::from(count) * all >= BEYOND_CHANCE * one * other {
            let close = f64::from(count) / (one * other).sqrt();
            near.entry(a).or_default().push((b, close));
            near.entry(b).or_default().push((a, close));
        }
    }
    for list in near.values_mut() {
        list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        list.truncate(MOST_NEAR);
    }
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_together_joins_those_that_share_nothing() {
        // Signatures 0, 1 and 2 are of one set, 3 is everybody's, and 4 is raised by chance.
        let mut counts: Vec<Vec<(u32, u64)>> = (0..12).map(counts_of).collect();
        counts.extend((0..60).map(|_| vec![(3, 1)]));
        counts.push(vec![(2, 1), (4, 1)]);
        let (vectors, sources) = super::super::similar::vectors(&counts, 5);
        let wide = widened(&vectors, &sources);
        let has = |place: usize, signature: u32| {
            wide.get(place).is_some_and(|vector| vector.iter().any(|(own, _)| *own == signature))
        };
        assert!(has(0, 2) && has(1, 0), "both halves are widened by the third");
        assert!(!has(0, 3) && !has(0, 4), "not by what all do, nor by chance");
        assert_eq!(wide.get(20).map(Vec::len), Some(1));
    }

    fn counts_of(number: u32) -> Vec<(u32, u64)> {
        match number % 3 {
            0 => vec![(0, 1), (1, 1)],
            1 => vec![(1, 1), (2, 1)],
            _ => vec![(0, 1), (2, 1)],
        }
    }
}
