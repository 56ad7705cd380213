//! What the program tells the memory allocator. In a process of its own, with one test: others take memory in the
//! same moment.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use jawline::memory::{return_large_blocks_at_once, rss_bytes};

#[test]
fn freed_blocks_go_back_to_the_system() {
    return_large_blocks_at_once();
    // The first block teaches glibc to keep the others, unless it was told not to.
    drop(vec![1_u8; 24 << 20]);
    let blocks: Vec<_> = (0..8).map(|_| vec![1_u8; 16 << 20]).collect();
    // What comes last holds on to the heap's end.
    let (held, last) = (rss_bytes().unwrap(), vec![1_u8; 1 << 10]);
    drop(blocks);
    let left = rss_bytes().unwrap();
    drop(last);
    assert!(left + (100 << 20) < held, "{left} of {held} bytes");
}
