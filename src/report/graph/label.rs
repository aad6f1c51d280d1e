//! Text that fits: labels broken into lines, and rooms on the paper that no other text has.

use super::super::escape::visible;

/// A label in at most `most` lines of `letters`, visible and cut with `…`: broken behind `/`, a
/// space or a dash where one is near.
pub(in super::super) fn broken(label: &str, letters: usize, most: usize) -> Vec<String> {
    let mut rest: Vec<char> = visible(label).chars().collect();
    let mut lines = Vec::new();
    while !rest.is_empty() && lines.len() < most {
        let last = lines.len() + 1 == most;
        let take = if rest.len() <= letters {
            rest.len()
        } else if last {
            letters.saturating_sub(1)
        } else {
            let near = rest.iter().take(letters).rposition(|c| matches!(c, '/' | ' ' | '-' | '.'));
            near.filter(|at| *at > letters / 2).map_or(letters, |at| at.saturating_add(1))
        };
        let tail = rest.split_off(take.min(rest.len()));
        let mut line: String = rest.iter().collect();
        if last && !tail.is_empty() {
            line.push('…');
        }
        lines.push(line.trim_end().to_owned());
        rest = tail;
    }
    lines
}

/// A rectangle: left, top, right, bottom.
pub(super) type Room = (f64, f64, f64, f64);

/// What is taken on the paper.
#[derive(Default)]
pub(super) struct Taken(Vec<Room>);

impl Taken {
    /// Takes a room, whoever has it.
    pub(super) fn take(&mut self, room: Room) {
        self.0.push(room);
    }

    /// The least room that has this one and all that is taken.
    pub(super) fn around(&self, room: Room) -> Room {
        self.0.iter().fold(room, |all, one| {
            (all.0.min(one.0), all.1.min(one.1), all.2.max(one.2), all.3.max(one.3))
        })
    }

    /// Takes the first of these rooms that is free, and says which.
    pub(super) fn first_free(&mut self, rooms: &[Room]) -> Option<usize> {
        let free = |room: &Room| {
            let meets = |t: &Room| room.0 < t.2 && t.0 < room.2 && room.1 < t.3 && t.1 < room.3;
            !self.0.iter().any(meets)
        };
        let at = rooms.iter().position(free)?;
        self.0.extend(rooms.get(at));
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_broken_where_a_reader_would() {
        assert_eq!(
            broken("/usr/sbin/rsyslogd-worker (pid 2591)", 21, 3),
            ["/usr/sbin/rsyslogd-", "worker (pid 2591)"]
        );
        assert_eq!(broken("abcdefghij", 4, 2), ["abcd", "efg…"]);
        assert_eq!(broken("a\u{1b}[31m", 21, 3), ["a\\x1b[31m"]);
        assert!(broken("", 21, 3).is_empty());
    }

    #[test]
    fn a_room_is_taken_once() {
        let mut taken = Taken::default();
        taken.take((0.0, 0.0, 10.0, 10.0));
        assert_eq!(taken.first_free(&[(5.0, 5.0, 15.0, 15.0), (10.0, 0.0, 20.0, 10.0)]), Some(1));
        assert_eq!(taken.first_free(&[(15.0, 5.0, 25.0, 15.0)]), None);
    }
}
