//! TIFF files: which of their pictures is the photo, its kinds of pixels, its tags.
//!
//! The `tiff` crate inflates and writes pixels. Before it sees a file, the directories are walked here
//! (TIFF 6.0; "BigTIFF"; Adobe's technical notes on TIFF, DNG): a file may hold many pictures, and the first
//! of them may be a thumbnail or the preview of a raw photo.

mod directory;
mod fields;
mod lab;
mod patched;
mod pixels;
mod raw;
mod read;
mod write;

pub(super) use fields::is_about_layout;
pub(super) use pixels::associated;
pub(super) use read::{Content, Refused, read};
pub(super) use write::encode;

/// Numbers of tags (TIFF 6.0, section 8, and the documents of their owners).
mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const SUBFILE_TYPE: u16 = 255;
    pub const WIDTH: u16 = 256;
    pub const LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const X_RESOLUTION: u16 = 282;
    pub const Y_RESOLUTION: u16 = 283;
    pub const PLANAR_CONFIGURATION: u16 = 284;
    pub const RESOLUTION_UNIT: u16 = 296;
    pub const COLOR_MAP: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_LENGTH: u16 = 323;
    pub const SUB_DIRECTORIES: u16 = 330;
    pub const EXTRA_SAMPLES: u16 = 338;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const YCBCR_COEFFICIENTS: u16 = 529;
    pub const YCBCR_SUBSAMPLING: u16 = 530;
    pub const XMP: u16 = 700;
    pub const IPTC: u16 = 33723;
    pub const PHOTOSHOP: u16 = 34377;
    pub const EXIF: u16 = 34665;
    pub const ICC_PROFILE: u16 = 34675;
    pub const GPS: u16 = 34853;
    pub const LAYERS: u16 = 37724;
    pub const INTEROPERABILITY: u16 = 40965;
    pub const DNG_VERSION: u16 = 50706;
}
