//! A photo: its pixels, colour profile, metadata; loaded within limits, saved atomically.
