//! Names that resemble a mistyped one.

/// How many are named.
const MOST: usize = 6;

/// Those that resemble `wrong`, the nearest first.
pub(super) fn alike<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let mut near: Vec<(usize, &str)> =
        known.into_iter().map(|k| (distance(wrong, k), k)).filter(|(d, _)| *d <= 2).collect();
    near.sort_unstable();
    near.into_iter().map(|(_, k)| k).take(MOST).collect()
}

/// In how many letters two names differ (Levenshtein); a name that goes on differs in two.
fn distance(wrong: &str, known: &str) -> usize {
    let mut row: Vec<usize> = (0..=known.chars().count()).collect();
    for (i, a) in (1..).zip(wrong.chars().take(64)) {
        let mut diagonal = std::mem::replace(row.first_mut().unwrap_or(&mut 0), i);
        let mut left = i;
        for (b, cell) in known.chars().zip(row.iter_mut().skip(1)) {
            let cost = diagonal + usize::from(a != b);
            diagonal = *cell;
            left = cost.min(*cell + 1).min(left + 1);
            *cell = left;
        }
    }
    let all = row.last().copied().unwrap_or(usize::MAX);
    if wrong.len() >= 3 && known.starts_with(wrong) { all.min(2) } else { all }
}
