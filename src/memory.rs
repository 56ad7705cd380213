//! The memory and the time of this process.

use std::fs;

/// The most memory that the process has held at once, in bytes, where the system tells (Linux).
pub fn peak_rss_bytes() -> Option<u64> {
    field("VmHWM:")
}

/// The memory that the process holds now, in bytes, where the system tells (Linux).
pub fn rss_bytes() -> Option<u64> {
    field("VmRSS:")
}

/// Forgets the peak, so that [`peak_rss_bytes`] tells of what follows. Without effect where the system
/// cannot.
pub fn reset_peak_rss() {
    // Documented in proc(5): 5 resets the peak to what is held now.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Gives large blocks back to the system as soon as they are freed, from now on. To be called before
/// there is more than one thread. Without effect where the system's allocator is not glibc's.
///
/// glibc keeps freed blocks of up to 32 MiB for later, once the first of their size was freed. Weights
/// and activations are of that size, and most are needed once: 0.4 GB of nothing when a large generator
/// is loaded. A block that is larger than a mebibyte is mapped for itself instead, and costs no
/// measurable time.
pub fn return_large_blocks_at_once() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: sets a number in the allocator, under its own lock; no memory changes hands. It says
        // 0 when it refuses, and everything goes on as before.
        #[allow(unsafe_code)]
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
        }
    }
}

/// The time that all cores have spent on this process so far, in seconds, where the system tells
/// (Linux). It does not grow while other programs have the cores.
pub fn cpu_seconds() -> Option<f64> {
    /// `USER_HZ`, which is 100 on every architecture that Jawline runs on.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may hold spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let field = |number: usize| fields.split_whitespace().nth(number)?.parse::<f64>().ok();
    // utime and stime are fields 14 and 15 of proc(5), whose third comes first here.
    Some((field(11)? + field(12)?) / TICKS_A_SECOND)
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
