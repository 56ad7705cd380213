//! The background thread that owns all sessions and runs jobs step by step.
