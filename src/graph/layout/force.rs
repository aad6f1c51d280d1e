//! Disks that pull at each other along their ties and never overlap: the same input, the same
//! places, since nothing is drawn by lot.

/// A point of the plane.
pub(super) type Point = (f64, f64);

/// A disk's number, another's, and how strongly they are tied.
pub(super) type Tie = (usize, usize, f64);

/// Bodies beyond this are not settled by force, which looks at every pair.
pub(super) const MOST: usize = 400;

const ROUNDS: u32 = 260;
/// Empty room between two disks.
const GAP: f64 = 14.0;
/// Golden angle: points on a spiral with it fill a disk evenly.
const GOLDEN: f64 = 2.399_963_229_728_653;

/// The place of the `number`th of points that fill a disk from its middle, `step` apart.
pub(super) fn spiral(number: usize, step: f64) -> Point {
    let number = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let (radius, angle) = (step * 0.62 * (number + 0.35).sqrt(), number * GOLDEN);
    (radius * angle.cos(), radius * angle.sin())
}

/// Places for disks with these radii: tied ones near to each other, none on another, the whole
/// `wide` times as wide as high.
pub(super) fn settle(radii: &[f64], ties: &[Tie], wide: f64) -> Vec<Point> {
    let mean =
        radii.iter().sum::<f64>() / f64::from(u32::try_from(radii.len()).unwrap_or(1).max(1));
    let reach = 2.0 * mean + GAP;
    let mut points = ring(radii.len(), ties, reach);
    let mut degree = vec![0_u32; radii.len()];
    for (a, b, _) in ties {
        for end in [a, b] {
            if let Some(count) = degree.get_mut(*end) {
                *count += 1;
            }
        }
    }
    for round in 0..ROUNDS {
        let heat = 1.0 - f64::from(round) / f64::from(ROUNDS);
        let mut push = repulsion(&points, radii, reach);
        pull(&points, radii, ties, &degree, &mut push);
        for ((point, push), radius) in points.iter_mut().zip(&push).zip(radii) {
            // Towards the middle, so that what is tied to nothing does not drift away.
            let weight = 0.012 + radius / (mean * 400.0);
            let (x, y) = (push.0 - point.0 * weight / wide, push.1 - point.1 * weight * wide);
            let length = x.hypot(y).max(1e-9);
            let step = length.min(reach * 0.9 * heat + 0.5);
            point.0 += x / length * step;
            point.1 += y / length * step;
        }
    }
    part(&mut points, radii);
    points
}

/// Where all begin: on a circle, the tied beside each other, so that no set has to push its way
/// through another.
fn ring(count: usize, ties: &[Tie], reach: f64) -> Vec<Point> {
    let mut beside: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (a, b, _) in ties {
        for (from, to) in [(a, b), (b, a)] {
            if *to < count
                && let Some(beside) = beside.get_mut(*from)
            {
                beside.push(*to);
            }
        }
    }
    let mut points = vec![None; count];
    let mut placed = 0_u32;
    let whole = f64::from(u32::try_from(count).unwrap_or(u32::MAX).max(1));
    let radius = reach * whole.sqrt() * 0.7;
    for first in 0..count {
        let mut waiting = std::collections::VecDeque::from([first]);
        while let Some(node) = waiting.pop_front() {
            if let Some(point @ None) = points.get_mut(node) {
                let angle = f64::from(placed) / whole * std::f64::consts::TAU;
                *point = Some((radius * angle.cos(), radius * angle.sin()));
                placed += 1;
                waiting.extend(beside.get(node).into_iter().flatten());
            }
        }
    }
    points.into_iter().flatten().collect()
}

/// What every pair pushes.
fn repulsion(points: &[Point], radii: &[f64], reach: f64) -> Vec<Point> {
    let one = |at: usize, point: &Point, radius: &f64| {
        let mut sum = (0.0, 0.0);
        for (other, (b, r)) in points.iter().zip(radii).enumerate() {
            if at == other {
                continue;
            }
            let (x, y) = (point.0 - b.0, point.1 - b.1);
            let distance = (x.hypot(y) - radius - r).max(reach * 0.08);
            let force = reach * reach * 0.35 / (distance * distance);
            let length = x.hypot(y).max(1e-6);
            sum.0 += x / length * force.min(reach);
            sum.1 += y / length * force.min(reach);
        }
        sum
    };
    points
        .iter()
        .zip(radii)
        .enumerate()
        .map(|(at, (point, radius))| one(at, point, radius))
        .collect()
}

/// What ties pull; the many ties of a hub each pull less.
fn pull(points: &[Point], radii: &[f64], ties: &[Tie], degree: &[u32], push: &mut [Point]) {
    for (a, b, weight) in ties {
        let (Some(p), Some(q), Some(r), Some(s)) =
            (points.get(*a), points.get(*b), radii.get(*a), radii.get(*b))
        else {
            continue;
        };
        let (x, y) = (q.0 - p.0, q.1 - p.1);
        let length = x.hypot(y).max(1e-6);
        let stretch = length - (r + s + GAP * 2.0);
        for (end, sign) in [(a, 1.0), (b, -1.0)] {
            let many = f64::from(degree.get(*end).copied().unwrap_or(1).max(1));
            if let Some(push) = push.get_mut(*end) {
                let force = sign * stretch * 0.25 * weight.min(1.0) / many.sqrt();
                push.0 += x / length * force;
                push.1 += y / length * force;
            }
        }
    }
}

/// Moves disks apart until none is on another.
fn part(points: &mut [Point], radii: &[f64]) {
    for round in 1..800 {
        let mut moved = false;
        // Some are held fast between others: the whole gives way.
        if round % 50 == 0 {
            for point in points.iter_mut() {
                *point = (point.0 * 1.06, point.1 * 1.06);
            }
        }
        for at in 0..points.len() {
            let (head, tail) = points.split_at_mut(at + 1);
            let (Some(a), Some(ra)) = (head.last_mut(), radii.get(at)) else { continue };
            for (number, (b, rb)) in tail.iter_mut().zip(radii.iter().skip(at + 1)).enumerate() {
                let (mut x, mut y) = (b.0 - a.0, b.1 - a.1);
                let apart = ra + rb + GAP;
                let mut length = x.hypot(y);
                if length >= apart - 0.01 {
                    continue;
                }
                if length < 1e-6 {
                    // On the same spot: which way is told by their numbers alone.
                    (x, y) = spiral(number + 1, 1.0);
                    length = x.hypot(y).max(1e-6);
                }
                let step = (apart - length) / 2.0;
                // The smaller gives way more; late rounds settle who is between two.
                let share = if round > 300 { 0.5 } else { rb * rb / (ra * ra + rb * rb) };
                a.0 -= x / length * step * 2.0 * share;
                a.1 -= y / length * step * 2.0 * share;
                b.0 += x / length * step * 2.0 * (1.0 - share);
                b.1 += y / length * step * 2.0 * (1.0 - share);
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nearest(points: &[Point], radii: &[f64]) -> f64 {
        let mut least = f64::MAX;
        for (at, (p, r)) in points.iter().zip(radii).enumerate() {
            for (q, s) in points.iter().zip(radii).skip(at + 1) {
                least = least.min((p.0 - q.0).hypot(p.1 - q.1) - r - s);
            }
        }
        least
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn disks_stay_apart_and_places_are_numbers(
            radii in proptest::collection::vec(4.0..120.0_f64, 1..120),
            ties in proptest::collection::vec((0_usize..130, 0_usize..130, 0.0..3.0_f64), 0..200),
        ) {
            let points = settle(&radii, &ties, 1.6);
            prop_assert!(points.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
            prop_assert!(nearest(&points, &radii) > 0.0);
            prop_assert_eq!(points, settle(&radii, &ties, 1.6));
        }
    }

    #[test]
    fn the_tied_are_nearer_than_the_rest() {
        let radii = [10.0; 12];
        // Two rings of six, tied by nothing.
        let ring = |base: usize| (0..6).map(move |n| (base + n, base + (n + 1) % 6, 1.0));
        let ties: Vec<Tie> = ring(0).chain(ring(6)).collect();
        let points = settle(&radii, &ties, 1.0);
        let middle = |range: &[Point]| {
            range.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0 / 6.0, sum.1 + p.1 / 6.0))
        };
        let (head, tail) = points.split_at(6);
        let (a, b) = (middle(head), middle(tail));
        for (point, (own, other)) in
            head.iter().map(|p| (p, (a, b))).chain(tail.iter().map(|p| (p, (b, a))))
        {
            let far = |m: Point| (point.0 - m.0).hypot(point.1 - m.1);
            assert!(far(own) < far(other), "{points:?}");
        }
    }
}
