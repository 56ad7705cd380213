//! Typed networks over sessions, and the network pack that holds them.
