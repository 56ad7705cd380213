//! Where one kind of work on a face stands.

use std::time::Instant;

use crate::engine::client::Stamp;

/// One kind of work: not asked for, under way, done, or failed, and for which key.
#[derive(Debug, Clone, Default)]
pub enum Slot<K, V> {
    /// Nobody has asked for it.
    #[default]
    Empty,
    /// The engine is at it.
    Asked {
        /// For what.
        key: K,
        /// The request's stamp, which its replies bear.
        stamp: Stamp,
        /// When it was asked for.
        at: Instant,
    },
    /// It is there.
    Ready {
        /// For what.
        key: K,
        /// What came of it.
        value: V,
    },
    /// It failed, and would fail again for the same key.
    Failed {
        /// For what.
        key: K,
        /// Why, in words.
        why: String,
    },
}

impl<K: PartialEq, V> Slot<K, V> {
    /// What it is, was or would have been for.
    pub fn key(&self) -> Option<&K> {
        match self {
            Self::Empty => None,
            Self::Asked { key, .. } | Self::Ready { key, .. } | Self::Failed { key, .. } => {
                Some(key)
            }
        }
    }

    /// Is the engine at it?
    pub fn is_asked(&self) -> bool {
        matches!(self, Self::Asked { .. })
    }

    /// Is the engine at it for the request with this stamp?
    pub fn is_asked_as(&self, stamp: Stamp) -> bool {
        matches!(self, Self::Asked { stamp: asked, .. } if *asked == stamp)
    }

    /// Why there is nothing for this key, in words.
    pub fn failed_for(&self, key: &K) -> Option<&str> {
        match self {
            Self::Failed { key: of, why } if of == key => Some(why),
            _ => None,
        }
    }

    /// The work has ended: with a value, or in words why not. When it was asked for comes back;
    /// `None`, and nothing happens, when nothing was under way.
    pub fn end(&mut self, result: Result<V, String>) -> Option<Instant> {
        match std::mem::take(self) {
            Self::Asked { key, at, .. } => {
                *self = match result {
                    Ok(value) => Self::Ready { key, value },
                    Err(why) => Self::Failed { key, why },
                };
                Some(at)
            }
            other => {
                *self = other;
                None
            }
        }
    }

    /// Nobody waits for it any more: what is under way is forgotten.
    pub fn abandon(&mut self) {
        if self.is_asked() {
            *self = Self::Empty;
        }
    }
}
