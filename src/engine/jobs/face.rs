//! The faces of a photo: found, cut out, prepared and edited, by each method.

mod align_face;
mod clock;
mod diffuse_face;
mod draw;
mod edit_params;
mod edited_face;
mod edited_synthesis;
mod find_faces;
mod fit_landmarks;
mod keyframes;
mod least_amount;
mod mark_face;
mod move_face;
mod prepare;
mod read_chins;
mod render;

pub use align_face::{AlignFace, AlignedFace};
pub use clock::TimedStages;
pub use diffuse_face::DiffuseFace;
pub use draw::{DrawFrame, DrawMoved};
pub use edit_params::EditParams;
pub use edited_face::{EditedFace, Frame};
pub use edited_synthesis::EditedSynthesis;
pub use find_faces::{FindFaces, FoundFace};
pub use fit_landmarks::fit_landmarks;
pub use keyframes::DrawKeyframes;
pub use least_amount::least_amount;
pub use mark_face::mark_face;
pub use move_face::{MoveFace, MovedFace};
pub use prepare::{FoundCode, PrepareFace, PreparedFace, Snapshot};
pub use read_chins::read_chins;
pub use render::{RenderFace, RenderedFace};
