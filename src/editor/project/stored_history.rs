//! How a project holds the history: every step's edits, but each brush stroke only once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::editor::history::MOST_STEPS;
use crate::editor::{Edits, FaceId, FaceParams, History, MarkedFace};
use crate::portrait::strokes::Stroke;

/// More points of strokes than this are not stored a second time: the project then holds the edits
/// without the way to them.
const MOST_POINTS: usize = 300_000;

#[derive(Serialize, Deserialize)]
pub(super) struct StoredHistory {
    current: usize,
    steps: Vec<StoredStep>,
    strokes: Vec<Arc<Stroke>>,
}

#[derive(Serialize, Deserialize)]
struct StoredStep {
    title: String,
    marked: Vec<MarkedFace>,
    faces: BTreeMap<FaceId, StoredParams>,
}

#[derive(Serialize, Deserialize)]
struct StoredParams {
    /// Without strokes.
    params: FaceParams,
    /// Places in the list of all strokes.
    strokes: Vec<usize>,
}

impl StoredHistory {
    /// The history as it is stored; `None` for one that is too large.
    pub fn of(history: &History) -> Option<Self> {
        let mut strokes = Vec::new();
        let mut places = HashMap::new();
        let mut place_of = |stroke: &Arc<Stroke>| {
            *places.entry(Arc::as_ptr(stroke)).or_insert_with(|| {
                strokes.push(Arc::clone(stroke));
                strokes.len() - 1
            })
        };
        let mut stored_params = |params: &FaceParams| {
            let mut params = params.clone();
            let strokes = std::mem::take(&mut params.settings.strokes);
            StoredParams {
                strokes: strokes.iter().map(&mut place_of).collect(),
                params,
            }
        };
        let mut steps = Vec::with_capacity(history.steps().len());
        for step in history.steps() {
            let faces = step.edits.faces.iter();
            steps.push(StoredStep {
                title: step.title.clone(),
                marked: step.edits.marked.clone(),
                faces: faces
                    .map(|(id, params)| (*id, stored_params(params)))
                    .collect(),
            });
        }
        let points: usize = strokes.iter().map(|stroke| stroke.path.len()).sum();
        (points <= MOST_POINTS).then_some(Self {
            current: history.current_index(),
            steps,
            strokes,
        })
    }

    /// The history again, which has to lead to `edits`; an error is in words.
    pub fn restored(self, edits: &Arc<Edits>) -> Result<History, &'static str> {
        if self.steps.len() > MOST_STEPS {
            return Err("has more steps than there can be");
        }
        let mut steps = Vec::with_capacity(self.steps.len());
        for (index, step) in self.steps.into_iter().enumerate() {
            let mut faces = BTreeMap::new();
            for (id, stored) in step.faces {
                let strokes: Option<Vec<_>> = (stored.strokes.iter())
                    .map(|place| self.strokes.get(*place).cloned())
                    .collect();
                let mut params = stored.params;
                params.settings.strokes = strokes.ok_or("names a stroke that is missing")?;
                faces.insert(id, params.within_range());
            }
            let restored = Edits {
                marked: step.marked,
                faces,
                first_method: edits.first_method,
            };
            let restored = match index == self.current {
                true if restored != **edits => return Err("does not lead to the edits"),
                true => Arc::clone(edits),
                false => Arc::new(restored),
            };
            steps.push((step.title, restored));
        }
        History::restored(steps, self.current).ok_or("is not at any of its steps")
    }
}
