//! The memory of this process.

use std::fs;

/// The most memory that the process has held at once, in bytes, where the system tells (Linux).
pub fn peak_rss_bytes() -> Option<u64> {
    field("VmHWM:")
}

/// The memory that the process holds now, in bytes, where the system tells (Linux).
pub fn rss_bytes() -> Option<u64> {
    field("VmRSS:")
}

fn field(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_at_least_what_is_held() {
        let held = vec![1_u8; 32 << 20];
        let (now, peak) = (rss_bytes().unwrap(), peak_rss_bytes().unwrap());
        assert!(peak >= now && peak >= held.len() as u64, "{now} {peak}");
    }
}
