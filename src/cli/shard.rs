//! `--shard K/N`: a part of the work, the same wherever it is split.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The K-th of N parts of a list: every N-th piece, from the K-th on. Which part a piece is in depends on
/// nothing but its place in the whole list, so that machines that see the same list need not talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shard {
    /// From 0.
    index: usize,
    count: usize,
}

impl Shard {
    /// Whether this part has the piece at `place` (from 0) of the whole list.
    pub fn has(self, place: usize) -> bool {
        place % self.count == self.index
    }

    /// Which of the parts it is, in a file name.
    pub fn in_name(self) -> String {
        format!("{}-of-{}", self.index + 1, self.count)
    }
}

/// Whether a piece belongs to this run: all do where there is no shard.
pub(super) fn is_mine(shard: Option<Shard>, place: usize) -> bool {
    shard.is_none_or(|shard| shard.has(place))
}

/// The files of parts in a folder, sorted: `head`, the part as [`Shard::in_name`] writes it, `tail`.
pub(super) fn files_of_parts(folder: &Path, [head, tail]: [&str; 2]) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_part = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let part = name.strip_prefix(head);
        let part = part.and_then(|part| part.strip_suffix(tail));
        part.is_some_and(|part| part.replace("-of-", "/").parse::<Shard>().is_ok())
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_part).collect();
    paths.sort();
    paths
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((k, n)) if (1..=n).contains(&k) => Ok(Self {
                index: k - 1,
                count: n,
            }),
            _ => Err("use K/N, such as 1/3: the part, from 1 on, of so many".to_owned()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_in_one_part() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|s| s.parse().unwrap()).to_vec();
        for place in 0..20 {
            assert_eq!(shards.iter().filter(|shard| shard.has(place)).count(), 1);
        }
        assert!(is_mine(None, 7));
        assert_eq!(shards[1].to_string(), "2/3");
        assert_eq!(shards[1].in_name(), "2-of-3");
    }

    #[test]
    fn parts_are_counted_from_1() {
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b", "-1/2", "1/2/3", ""] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
