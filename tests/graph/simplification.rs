//! Simplification makes graphs smaller and keeps what they compute.
