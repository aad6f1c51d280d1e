//! Which part of the work is this machine's: said, or taken from the engine that started it.

/// One of several parts, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which.
    pub index: u64,
    /// Of how many.
    pub count: u64,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// From `2/8`: the third of eight.
    ///
    /// # Errors
    /// What it should be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, count)| {
            Some(Self { index: index.trim().parse().ok()?, count: count.trim().parse().ok()? })
        });
        numbers
            .filter(|shard| shard.index < shard.count)
            .ok_or_else(|| format!("{text}: a shard is I/N, with I from 0 to N-1"))
    }

    /// From the variables of Slurm, Kubernetes, AWS Batch, Google Batch or Nomad. Those that tell
    /// only which and not of how many need `count`.
    ///
    /// # Errors
    /// Where an engine tells the index, and nobody the count.
    pub fn of_engine(
        variable: &dyn Fn(&str) -> Option<String>,
        count: Option<u64>,
    ) -> Result<Option<(Self, &'static str)>, String> {
        let number = |name: &str| variable(name).and_then(|text| text.trim().parse::<u64>().ok());
        if let Some(id) = number("SLURM_ARRAY_TASK_ID") {
            let first = number("SLURM_ARRAY_TASK_MIN").unwrap_or(0);
            let step = number("SLURM_ARRAY_TASK_STEP").filter(|step| *step > 0).unwrap_or(1);
            let index = id.saturating_sub(first) / step;
            return whole("Slurm", index, count.or(number("SLURM_ARRAY_TASK_COUNT")));
        }
        for (engine, index, of) in [
            ("AWS Batch", "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"),
            ("Google Batch", "BATCH_TASK_INDEX", "BATCH_TASK_COUNT"),
            ("Kubernetes", "JOB_COMPLETION_INDEX", "JOB_COMPLETIONS"),
            ("Nomad", "NOMAD_ALLOC_INDEX", "NOMAD_GROUP_COUNT"),
        ] {
            if let Some(index) = number(index) {
                return whole(engine, index, count.or(number(of)));
            }
        }
        Ok(None)
    }

    /// Whether the result of this digest is of this part.
    #[must_use]
    pub fn has(self, sha256: &str) -> bool {
        let first = sha256.get(..15).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
        first.checked_rem(self.count).unwrap_or(0) == self.index
    }
}

fn whole(
    engine: &'static str,
    index: u64,
    count: Option<u64>,
) -> Result<Option<(Shard, &'static str)>, String> {
    match count {
        Some(count) if index < count => Ok(Some((Shard { index, count }, engine))),
        Some(count) => Err(format!("{engine} says part {index}, of {count}")),
        None => Err(format!("{engine} says part {index}, and not of how many: give --shards N")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(variables: &[(&str, &str)], count: Option<u64>) -> Result<Option<(u64, u64)>, String> {
        let find = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Shard::of_engine(&find, count).map(|found| found.map(|(s, _)| (s.index, s.count)))
    }

    #[test]
    fn engines() {
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "3"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        assert_eq!(of(&slurm, None), Ok(Some((2, 4))));
        assert_eq!(
            of(&[("AWS_BATCH_JOB_ARRAY_INDEX", "0"), ("AWS_BATCH_JOB_ARRAY_SIZE", "9")], None),
            Ok(Some((0, 9)))
        );
        assert_eq!(
            of(&[("BATCH_TASK_INDEX", "1"), ("BATCH_TASK_COUNT", "2")], None),
            Ok(Some((1, 2)))
        );
        assert_eq!(of(&[("JOB_COMPLETION_INDEX", "1")], Some(5)), Ok(Some((1, 5))));
        assert!(of(&[("JOB_COMPLETION_INDEX", "1")], None).is_err());
        assert!(of(&[("NOMAD_ALLOC_INDEX", "7")], Some(5)).is_err());
        assert_eq!(of(&[], None), Ok(None));
        assert!(Shard::parse("4/4").is_err());
        assert_eq!(Shard::parse("0/1"), Ok(Shard::WHOLE));
    }

    #[test]
    fn each_digest_is_of_one_part() {
        for n in 0..64_u64 {
            let digest = format!("{:064x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let digest = digest.chars().rev().collect::<String>();
            let parts = (0..5).filter(|i| Shard { index: *i, count: 5 }.has(&digest)).count();
            assert_eq!(parts, 1);
        }
    }
}
