//! Points, landmarks, affine maps, quads, triangulation.
