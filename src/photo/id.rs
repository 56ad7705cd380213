//! The identity of a photo that is open.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The identity of a photo that is open. Every one is new: none is ever used again, so whatever still
/// names a photo that was closed names nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhotoId(u64);

impl PhotoId {
    /// An identity that no photo has or had in this run of the program.
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for PhotoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_identity_is_given_twice() {
        let ids: Vec<PhotoId> = (0..100).map(|_| PhotoId::unique()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
