//! Which sources act alike: spherical k-means whose first centres are found, not drawn.
//!
//! A source is a vector over signatures: how often (damped) times how rare the signature is among
//! sources, so that what everybody does glues nobody together. Sources become members of the
//! nearest centre; centres that come to look the same are merged. Linear in what the sources have
//! raised, not quadratic in the sources; no random number, so that the same input gives the same
//! sets. Candidates are found by an inverted index, in which signatures that more than a fifth of
//! all sources have are not looked up: unless a source has no other.

use std::collections::BTreeMap;

/// Signature and weight, in order of signatures, of length 1.
pub(super) type Vector = Vec<(u32, f64)>;

/// To found no set of its own, a source must be as like as that to a centre.
const JOINS: f64 = 0.5;
/// To stay a member of the nearest centre.
const STAYS: f64 = 0.4;
/// Centres as like as that part of how like their own members are to them are one: where each
/// source raised only a few of a set's signatures, the pieces of one set are less alike, too.
const SAME: f64 = 0.68;
/// Members of the smallest set.
pub(super) const FEWEST: usize = 3;
/// Times that members are assigned anew at most.
const ROUNDS: usize = 8;
/// Parts of a centre below this are noise of its members.
const FAINT: f64 = 0.05;

/// The vectors of sources, out of how often each raised which signature, and for each signature
/// how many sources have it.
pub(super) fn vectors(counts: &[Vec<(u32, u64)>], signatures: usize) -> (Vec<Vector>, Vec<u32>) {
    let mut sources = vec![0_u32; signatures];
    for (signature, _) in counts.iter().flatten() {
        if let Some(count) = sources.get_mut(*signature as usize) {
            *count += 1;
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let all = counts.len() as f64;
    let vectors = counts
        .iter()
        .map(|of_one| {
            let weigh = |(signature, count): &(u32, u64)| {
                let with = sources.get(*signature as usize).copied().unwrap_or(1).max(1);
                let rare = (1.0 + all / f64::from(with)).ln();
                #[allow(clippy::cast_precision_loss)]
                let often = 1.0 + 0.5 * (*count as f64).ln();
                (*signature, rare * often)
            };
            unit(of_one.iter().map(weigh).collect())
        })
        .collect();
    (vectors, sources)
}

pub(super) fn unit(mut vector: Vector) -> Vector {
    let length = vector.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
    if length > 0.0 {
        for (_, weight) in &mut vector {
            *weight /= length;
        }
    }
    vector
}

/// Centres by the signatures in them.
struct Index<'c> {
    common: &'c [bool],
    by: Vec<Vec<(u32, f64)>>,
    likeness: Vec<f64>,
    touched: Vec<u32>,
}

impl<'c> Index<'c> {
    fn new(common: &'c [bool]) -> Self {
        let by = vec![Vec::new(); common.len()];
        Self { common, by, likeness: Vec::new(), touched: Vec::new() }
    }

    fn add(&mut self, centre: &[(u32, f64)]) -> u32 {
        let number = u32::try_from(self.likeness.len()).unwrap_or(u32::MAX);
        self.likeness.push(0.0);
        for (signature, weight) in centre {
            if let Some(list) = self.by.get_mut(*signature as usize) {
                list.push((number, *weight));
            }
        }
        number
    }

    fn is_common(&self, signature: u32) -> bool {
        self.common.get(signature as usize).copied().unwrap_or(false)
    }

    /// The centres that share a signature with the vector, and how like they are, by number.
    fn near(&mut self, vector: &[(u32, f64)]) -> Vec<(u32, f64)> {
        let only_common = vector.iter().all(|(signature, _)| self.is_common(*signature));
        for (signature, _) in vector {
            if self.is_common(*signature) && !only_common {
                continue;
            }
            for (centre, _) in self.by.get(*signature as usize).into_iter().flatten() {
                if let Some(likeness) = self.likeness.get_mut(*centre as usize)
                    && *likeness == 0.0
                {
                    // A mark, so that each is a candidate once.
                    *likeness = f64::MIN_POSITIVE;
                    self.touched.push(*centre);
                }
            }
        }
        for (signature, weight) in vector {
            for (centre, other) in self.by.get(*signature as usize).into_iter().flatten() {
                if let Some(likeness) = self.likeness.get_mut(*centre as usize)
                    && *likeness > 0.0
                {
                    *likeness += weight * other;
                }
            }
        }
        self.touched.sort_unstable();
        let mut near = Vec::with_capacity(self.touched.len());
        for centre in self.touched.drain(..) {
            if let Some(likeness) = self.likeness.get_mut(centre as usize) {
                near.push((centre, *likeness));
                *likeness = 0.0;
            }
        }
        near
    }

    /// The nearest; of equals the first.
    fn nearest(&mut self, vector: &[(u32, f64)]) -> Option<(u32, f64)> {
        let near = self.near(vector);
        near.into_iter().reduce(|best, one| if one.1 > best.1 + 1e-12 { one } else { best })
    }
}

/// A set of sources.
#[derive(Clone, Debug, Default)]
pub(super) struct Alike {
    /// Members, by place, in order.
    pub(super) members: Vec<u32>,
    /// The middle of their vectors.
    pub(super) centre: Vector,
    /// How like the members are to it on average.
    cohesion: f64,
}

impl Alike {
    /// Works out the middle of the members anew.
    fn gather(&mut self, vectors: &[Vector]) {
        self.centre = middle(vectors, &self.members);
        let each = self.members.iter().filter_map(|place| vectors.get(*place as usize));
        let sum: f64 = each.map(|vector| likeness(vector, &self.centre)).sum();
        #[allow(clippy::cast_precision_loss)]
        let count = self.members.len().max(1) as f64;
        self.cohesion = sum / count;
    }
}

/// The sets, and nothing of those that belong to none.
pub(super) fn sets(vectors: &[Vector], sources: &[u32]) -> Vec<Alike> {
    let most = vectors.len().div_ceil(5);
    let common: Vec<bool> = sources.iter().map(|count| *count as usize > most).collect();
    let mut sets = founded(vectors, &common);
    for _ in 0..ROUNDS {
        sets.retain(|set| set.members.len() >= FEWEST);
        for set in &mut sets {
            set.gather(vectors);
        }
        let merged = merge(&mut sets, vectors, &common);
        let mut index = Index::new(&common);
        for set in &sets {
            index.add(&set.centre);
        }
        let mut members = vec![Vec::new(); sets.len()];
        for (place, vector) in (0_u32..).zip(vectors) {
            if let Some((set, likeness)) = index.nearest(vector)
                && likeness >= STAYS
                && let Some(list) = members.get_mut(set as usize)
            {
                list.push(place);
            }
        }
        let mut same = !merged;
        for (set, members) in sets.iter_mut().zip(members) {
            same &= set.members == members;
            set.members = members;
        }
        if same {
            break;
        }
    }
    sets.retain(|set| set.members.len() >= FEWEST);
    sets
}

/// First sets: what most sources do exactly alike comes first, then those that did most.
fn founded(vectors: &[Vector], common: &[bool]) -> Vec<Alike> {
    let mut alike: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
    for (place, vector) in (0_u32..).zip(vectors) {
        let signatures: Vec<u32> = vector.iter().map(|(signature, _)| *signature).collect();
        if !signatures.is_empty() {
            alike.entry(signatures).or_default().push(place);
        }
    }
    let mut order: Vec<(Vec<u32>, Vec<u32>)> = alike.into_iter().collect();
    order.sort_by(|a, b| {
        (b.1.len(), b.0.len()).cmp(&(a.1.len(), a.0.len())).then_with(|| a.1.cmp(&b.1))
    });
    let mut index = Index::new(common);
    let mut sets: Vec<Alike> = Vec::new();
    for (_, places) in order {
        for place in places {
            let Some(vector) = vectors.get(place as usize) else { continue };
            let joined = index.nearest(vector).filter(|(_, likeness)| *likeness >= JOINS);
            let set = match joined {
                Some((set, _)) => set,
                None => {
                    sets.push(Alike::default());
                    index.add(vector)
                }
            };
            if let Some(set) = sets.get_mut(set as usize) {
                set.members.push(place);
            }
        }
    }
    for set in &mut sets {
        set.members.sort_unstable();
    }
    sets
}

/// The middle of these vectors, without what is faint in it.
fn middle(vectors: &[Vector], members: &[u32]) -> Vector {
    let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
    for vector in members.iter().filter_map(|place| vectors.get(*place as usize)) {
        for (signature, weight) in vector {
            *sums.entry(*signature).or_default() += weight;
        }
    }
    let mut centre = unit(sums.into_iter().collect());
    centre.retain(|(_, weight)| *weight >= FAINT);
    unit(centre)
}

/// Makes one of sets whose centres are the same, the larger taking in the smaller.
fn merge(sets: &mut Vec<Alike>, vectors: &[Vector], common: &[bool]) -> bool {
    sets.sort_by(|a, b| {
        b.members.len().cmp(&a.members.len()).then_with(|| a.members.cmp(&b.members))
    });
    let mut index = Index::new(common);
    let mut kept: Vec<Alike> = Vec::with_capacity(sets.len());
    let mut changed = vec![false; sets.len()];
    for set in sets.drain(..) {
        let same = |(into, likeness): &(u32, f64)| {
            let large = kept.get(*into as usize).map_or(1.0, |large: &Alike| large.cohesion);
            *likeness >= SAME * large.min(set.cohesion)
        };
        match index.nearest(&set.centre).filter(same) {
            Some((into, _)) => {
                if let (Some(large), Some(mark)) =
                    (kept.get_mut(into as usize), changed.get_mut(into as usize))
                {
                    large.members.extend(set.members);
                    *mark = true;
                }
            }
            None => {
                index.add(&set.centre);
                kept.push(set);
            }
        }
    }
    let any = changed.contains(&true);
    for (set, changed) in kept.iter_mut().zip(changed) {
        if changed {
            set.members.sort_unstable();
            set.gather(vectors);
        }
    }
    *sets = kept;
    any
}

/// How like a source is to a centre, 0 to 1.
pub(super) fn likeness(vector: &[(u32, f64)], centre: &[(u32, f64)]) -> f64 {
    let of = |signature: u32| {
        centre
            .binary_search_by_key(&signature, |(signature, _)| *signature)
            .ok()
            .and_then(|at| centre.get(at))
            .map_or(0.0, |(_, weight)| *weight)
    };
    vector.iter().map(|(signature, weight)| weight * of(*signature)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(counts: &[Vec<(u32, u64)>], signatures: usize) -> Vec<Vec<u32>> {
        let (vectors, sources) = vectors(counts, signatures);
        sets(&vectors, &sources).into_iter().map(|set| set.members).collect()
    }

    #[test]
    fn what_all_do_glues_nobody() {
        // Signature 0 is a ping that everybody sends; 1 and 2 are what tells two sets apart.
        let ping = |more: u32| vec![(0, 5), (more, 2)];
        let mut counts: Vec<_> = (0..4).map(|_| ping(1)).collect();
        counts.extend((0..5).map(|_| ping(2)));
        assert_eq!(members(&counts, 3), [vec![4, 5, 6, 7, 8], vec![0, 1, 2, 3]]);
    }

    #[test]
    fn those_that_do_only_what_is_common_are_a_set_of_their_own() {
        let mut counts: Vec<_> = (0..20).map(|_| vec![(0, 1)]).collect();
        counts.extend((0..4).map(|_| vec![(0, 9), (1, 2), (2, 2)]));
        let found = members(&counts, 3);
        assert_eq!(found, [(0..20).collect::<Vec<_>>(), vec![20, 21, 22, 23]]);
    }

    #[test]
    fn noise_is_no_set_and_nothing_is_nothing() {
        let counts: Vec<_> = (0..10).map(|n| vec![(n, 1)]).collect();
        assert_eq!(members(&counts, 10), Vec::<Vec<u32>>::new());
        assert_eq!(members(&[], 0), Vec::<Vec<u32>>::new());
        assert_eq!(members(&[vec![], vec![], vec![]], 0), Vec::<Vec<u32>>::new());
    }
}
