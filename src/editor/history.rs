//! Undo and redo: one step an interaction, every step the whole of the small edits.

use std::sync::Arc;

use super::Edits;

/// One interaction of the user, such as a drag of the slider from press to release. Commands of the
/// same gesture make one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gesture(pub u64);

/// The identity of a step within its history, never used again in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StepId(u64);

/// A step of the history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryStep {
    /// Its identity.
    pub id: StepId,
    /// What was done.
    pub title: String,
    /// The edits after it.
    pub edits: Arc<Edits>,
}

/// All steps from the opening on, and where in them the document is.
#[derive(Debug, Clone)]
pub struct History {
    steps: Vec<HistoryStep>,
    current: usize,
    gesture: Option<Gesture>,
    steps_made: u64,
}

/// The oldest steps are forgotten beyond so many.
pub(super) const MOST_STEPS: usize = 1000;

impl History {
    /// A history that begins with these edits.
    pub fn new(title: &str, edits: Edits) -> Self {
        Self {
            steps: vec![HistoryStep {
                id: StepId(0),
                title: title.to_owned(),
                edits: Arc::new(edits),
            }],
            current: 0,
            gesture: None,
            steps_made: 1,
        }
    }

    /// A history of these titles and edits, at one of them; `None` when there is no such step.
    pub fn restored(steps: Vec<(String, Arc<Edits>)>, current: usize) -> Option<Self> {
        let steps_made = steps.len() as u64;
        let steps: Vec<HistoryStep> = (0..)
            .map(StepId)
            .zip(steps)
            .map(|(id, (title, edits))| HistoryStep { id, title, edits })
            .collect();
        (current < steps.len()).then_some(Self {
            steps,
            current,
            gesture: None,
            steps_made,
        })
    }

    /// The edits as they are now.
    pub fn edits(&self) -> &Arc<Edits> {
        // There is always a first step, and `current` is never beyond the last.
        &self.steps[self.current].edits
    }

    /// All steps, the oldest first.
    pub fn steps(&self) -> &[HistoryStep] {
        &self.steps
    }

    /// The index of the step that the document is at.
    pub fn current_index(&self) -> usize {
        self.current
    }

    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        self.current > 0
    }

    /// Whether there is something to redo.
    pub fn can_redo(&self) -> bool {
        self.current + 1 < self.steps.len()
    }

    /// Adds a step, or goes on with the last one if it is of the same gesture. What was undone before
    /// is forgotten. Edits that are as before make no step. `true` if something has changed.
    pub fn push(&mut self, title: String, edits: Edits, gesture: Option<Gesture>) -> bool {
        if **self.edits() == edits {
            return false;
        }
        let goes_on = gesture.is_some() && gesture == self.gesture && self.current > 0;
        self.steps.truncate(self.current + 1);
        if goes_on {
            self.steps.pop();
            self.current -= 1;
        }
        // A drag that comes back to where it began leaves no step, but the gesture may go on.
        if **self.edits() != edits {
            self.steps.push(HistoryStep {
                id: StepId(self.steps_made),
                title,
                edits: Arc::new(edits),
            });
            self.steps_made += 1;
            self.current += 1;
            self.gesture = gesture;
        } else {
            self.gesture = None;
        }
        if self.steps.len() > MOST_STEPS {
            self.steps.remove(0);
            self.current -= 1;
        }
        true
    }

    /// One step back; `false` at the first.
    pub fn undo(&mut self) -> bool {
        self.can_undo() && self.go_to(self.current - 1)
    }

    /// One step forward; `false` at the last.
    pub fn redo(&mut self) -> bool {
        self.can_redo() && self.go_to(self.current + 1)
    }

    /// Goes to a step; `false` if there is none or the document is there already.
    pub fn jump(&mut self, step: StepId) -> bool {
        let index = self.steps.iter().position(|known| known.id == step);
        index.is_some_and(|index| self.go_to(index))
    }

    fn go_to(&mut self, index: usize) -> bool {
        self.gesture = None;
        let goes = index < self.steps.len() && index != self.current;
        if goes {
            self.current = index;
        }
        goes
    }
}

#[cfg(test)]
pub(super) mod tests;
