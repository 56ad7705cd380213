//! Alignment, labels, masks, warp, compositing, paste-back: pixels and geometry only.
