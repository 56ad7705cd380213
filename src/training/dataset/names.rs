//! The names of a dataset's files.

/// Codes in W of all samples, `[n, d]`.
pub const W: &str = "w.npy";
/// Codes in W+ of all samples, `[n, L, d]`.
pub const W_PLUS: &str = "wp.npy";
/// Scores of all samples, `[n, 1]`.
pub const SCORES: &str = "double_chin_scores.npy";
/// Scores of the first samples, `[k]`, while the rest is being scored.
pub const SCORES_SO_FAR: &str = "double_chin_scores.so_far.npy";
/// The same by the chin meter.
pub const READINGS_SO_FAR: &str = "double_chin_readings.so_far.npy";
/// How the scores of the K-th of N parts of the samples are called: `double_chin_scores.K-of-N.json`.
pub const SCORES_OF_PART: [&str; 2] = ["double_chin_scores.", ".json"];
/// The coarse boundary, `[1, d]`.
pub const COARSE: &str = "coarse/boundary.npy";
/// The fine boundary, `[1, L, d]`.
pub const FINE: &str = "fine/boundary.npy";

/// The folder of the edited positives and their masks.
pub const PAIRS: &str = "pairs";
/// The folder of the codes that were found for them.
pub const DIFFUSE: &str = "diffuse";

/// A sample's code in W before truncation, `[1, d]`.
pub fn w(sample: usize) -> String {
    format!("codes/{sample:06}_w.npy")
}

/// A sample's code in W+, `[1, L, d]`.
pub fn code(sample: usize) -> String {
    format!("codes/{sample:06}_wp.npy")
}

/// A sample's picture.
pub fn image(sample: usize) -> String {
    format!("images/{sample:06}.png")
}

/// A positive's picture with its edited neck pasted in.
pub fn composite(sample: usize) -> String {
    format!("{PAIRS}/{sample:06}.png")
}

/// The soft mask of that.
pub fn mask(sample: usize) -> String {
    format!("{PAIRS}/{sample:06}_mask.png")
}

/// Says why there is no such picture, where a part of the samples was edited on its own.
pub fn left_out(sample: usize) -> String {
    format!("{PAIRS}/{sample:06}_left_out.txt")
}

/// The code that was found for it, `[1, L, d]`.
pub fn diffused_code(sample: usize) -> String {
    format!("{DIFFUSE}/{sample:06}_inverted_WP_codes.npy")
}

/// What the generator draws for that code.
pub fn diffused_image(sample: usize) -> String {
    format!("{DIFFUSE}/{sample:06}.png")
}
