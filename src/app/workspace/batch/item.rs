//! A photo of the queue, and how far it is.

use crate::editor::batch::{Noted, Place, Planned, Turn};

/// How far a photo is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemState {
    /// Its turn has not come.
    Waiting,
    /// It is in work.
    Running,
    /// Its result is there; with what its owner should know.
    Done(Vec<String>),
    /// There is none, and why.
    Failed(String),
}

/// A photo of the queue.
#[derive(Debug, Clone)]
pub struct Item {
    /// The photo, and where its result goes.
    pub place: Place,
    /// How far it is.
    pub state: ItemState,
    /// Where its result is noted, once it is planned.
    pub(super) noted: Option<Noted>,
}

impl Item {
    pub(super) fn waiting(place: Place) -> Self {
        Self {
            place,
            state: ItemState::Waiting,
            noted: None,
        }
    }

    /// Takes over what the plan says.
    pub(super) fn follow(&mut self, planned: Planned) {
        self.place = planned.place;
        (self.state, self.noted) = match planned.turn {
            Turn::Waits(noted) => (ItemState::Waiting, Some(noted)),
            Turn::Done(warnings) => (ItemState::Done(warnings), None),
            Turn::Refused(why) => (ItemState::Failed(why), None),
        };
    }
}
