//! A file of libheif's, its pictures, and what it says about them: owners of the library's objects.

// Functions of a C library are called here, by their own names.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr;
use std::slice;

use super::functions::{Functions, Nclx, Object, Status, functions};

/// `heif_colorspace_RGB`.
const RGB: c_int = 1;
/// `heif_channel_interleaved`.
const INTERLEAVED: c_int = 10;
/// Auxiliary images but for transparency, `LIBHEIF_AUX_IMAGE_FILTER_OMIT_ALPHA`.
const NO_ALPHA: c_int = 1 << 1;
/// Profiles and blocks of metadata that are longer are none.
const MOST_BYTES: usize = 64 << 20;
/// More of what is counted than any file has.
const MOST: c_int = 1000;

/// Why a file is not read, in the library's words.
pub(super) type Failed = String;

/// Whether the library is there.
pub(super) fn is_there() -> bool {
    functions().is_ok()
}

/// A number that the library should not have as negative.
fn count(number: c_int) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn check(status: &Status) -> Result<(), Failed> {
    if status.code == 0 {
        return Ok(());
    }
    // SAFETY: by the header, the message is always there; it is a text within the library.
    Err(unsafe { text(status.message) })
}

/// # Safety
/// A text of the library that is still there, or null.
unsafe fn text(text: *const c_char) -> String {
    match text.is_null() {
        true => String::new(),
        // SAFETY: the caller's promise.
        false => unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned(),
    }
}

/// A file.
pub(super) struct File<'a> {
    functions: &'static Functions,
    context: Object,
    bytes: PhantomData<&'a [u8]>,
}

impl<'a> File<'a> {
    /// Reads what is in the file; no picture is decoded.
    ///
    /// # Errors
    /// What the library says.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Failed> {
        let functions = functions()?;
        // SAFETY: a new object or null; it is freed when the file is dropped.
        let context = unsafe { (functions.heif_context_alloc)() };
        if context.is_null() {
            return Err("no memory".to_owned());
        }
        let file = Self {
            functions,
            context,
            bytes: PhantomData,
        };
        // SAFETY: the bytes outlive the file, and with it all that comes from it.
        check(&unsafe {
            (functions.heif_context_read_from_memory_without_copy)(
                context,
                bytes.as_ptr().cast(),
                bytes.len(),
                ptr::null(),
            )
        })?;
        Ok(file)
    }

    /// The picture that the file is about.
    ///
    /// # Errors
    /// What the library says.
    pub fn primary(&self) -> Result<Picture<'_>, Failed> {
        self.picture(|handle| {
            // SAFETY: the context is there; what comes back is released with the picture.
            unsafe { (self.functions.heif_context_get_primary_image_handle)(self.context, handle) }
        })
    }

    fn picture(&self, get: impl FnOnce(*mut Object) -> Status) -> Result<Picture<'_>, Failed> {
        let mut handle = ptr::null_mut();
        check(&get(&mut handle))?;
        match handle.is_null() {
            true => Err("there is no picture".to_owned()),
            false => Ok(Picture { file: self, handle }),
        }
    }

    /// How many pictures there are that are not parts of others.
    pub fn pictures(&self) -> u32 {
        // SAFETY: the context is there.
        count(unsafe { (self.functions.heif_context_get_number_of_top_level_images)(self.context) })
    }
}

impl Drop for File<'_> {
    fn drop(&mut self) {
        // SAFETY: this is its one owner; pictures borrow the file, so none is left.
        unsafe { (self.functions.heif_context_free)(self.context) };
    }
}

/// A picture of a file, not decoded yet.
pub(super) struct Picture<'a> {
    file: &'a File<'a>,
    handle: Object,
}

/// Decoded pixels: RGB or RGBA, row after row.
pub(super) struct Decoded {
    pub size: (u32, u32),
    /// Bits that a sample has, 1 to 16.
    pub bits: u32,
    /// A byte a sample up to 8 bits; else two, the lower one first.
    pub samples: Vec<u8>,
}

/// Something that a file says about a picture.
pub(super) struct Block {
    /// `Exif`, `mime` and others.
    pub kind: String,
    /// The kind of a `mime` block.
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl Picture<'_> {
    fn functions(&self) -> &'static Functions {
        self.file.functions
    }

    /// Width and height, upright in most files.
    pub fn size(&self) -> (u32, u32) {
        let functions = self.functions();
        // SAFETY: the handle is there, here and in all that follows, until the picture is dropped.
        let (width, height) = unsafe {
            (
                (functions.heif_image_handle_get_width)(self.handle),
                (functions.heif_image_handle_get_height)(self.handle),
            )
        };
        (count(width), count(height))
    }

    pub fn has_alpha(&self) -> bool {
        // SAFETY: as above.
        unsafe { (self.functions().heif_image_handle_has_alpha_channel)(self.handle) != 0 }
    }

    /// Whether colours are multiplied by alpha.
    pub fn is_premultiplied(&self) -> bool {
        // SAFETY: as above.
        unsafe { (self.functions().heif_image_handle_is_premultiplied_alpha)(self.handle) != 0 }
    }

    /// Whether samples have more than 8 bits.
    pub fn is_deep(&self) -> bool {
        // SAFETY: as above.
        let bits =
            unsafe { (self.functions().heif_image_handle_get_luma_bits_per_pixel)(self.handle) };
        count(bits) > 8
    }

    /// What pictures belong to this one beside its transparency, as the standards name them.
    pub fn auxiliaries(&self) -> Vec<String> {
        let functions = self.functions();
        let ids = ids(
            // SAFETY: as above.
            unsafe {
                (functions.heif_image_handle_get_number_of_auxiliary_images)(self.handle, NO_ALPHA)
            },
            // SAFETY: as above; the list has room for so many.
            |list, length| unsafe {
                (functions.heif_image_handle_get_list_of_auxiliary_image_IDs)(
                    self.handle,
                    NO_ALPHA,
                    list,
                    length,
                )
            },
        );
        let names = ids.into_iter().filter_map(|id| {
            let picture = self.file.picture(|handle| {
                // SAFETY: as above; what comes back is released with the picture.
                unsafe {
                    (functions.heif_image_handle_get_auxiliary_image_handle)(
                        self.handle,
                        id,
                        handle,
                    )
                }
            });
            let picture = picture.ok()?;
            let mut kind = ptr::null();
            // SAFETY: as above; the text is copied, and given back by the function that is for that.
            unsafe {
                let got =
                    (functions.heif_image_handle_get_auxiliary_type)(picture.handle, &mut kind);
                check(&got).ok()?;
                let name = text(kind);
                (functions.heif_image_handle_free_auxiliary_types)(picture.handle, &mut kind);
                Some(name)
            }
        });
        names.collect()
    }

    /// What the file says about the picture.
    pub fn blocks(&self) -> Vec<Block> {
        let functions = self.functions();
        let ids = ids(
            // SAFETY: as above.
            unsafe {
                (functions.heif_image_handle_get_number_of_metadata_blocks)(
                    self.handle,
                    ptr::null(),
                )
            },
            // SAFETY: as above; the list has room for so many.
            |list, length| unsafe {
                (functions.heif_image_handle_get_list_of_metadata_block_IDs)(
                    self.handle,
                    ptr::null(),
                    list,
                    length,
                )
            },
        );
        let blocks = ids.into_iter().filter_map(|id| {
            // SAFETY: as above; texts are those of the picture, and copied.
            let (kind, content_type, length) = unsafe {
                (
                    text((functions.heif_image_handle_get_metadata_type)(
                        self.handle,
                        id,
                    )),
                    text((functions.heif_image_handle_get_metadata_content_type)(
                        self.handle,
                        id,
                    )),
                    (functions.heif_image_handle_get_metadata_size)(self.handle, id),
                )
            };
            let bytes = filled(length, |bytes| {
                // SAFETY: as above; the buffer has the length that the library wants.
                unsafe { (functions.heif_image_handle_get_metadata)(self.handle, id, bytes) }
            })?;
            Some(Block {
                kind,
                content_type,
                bytes,
            })
        });
        blocks.collect()
    }

    /// The ICC profile.
    pub fn icc_profile(&self) -> Option<Vec<u8>> {
        let functions = self.functions();
        // SAFETY: as above.
        let length =
            unsafe { (functions.heif_image_handle_get_raw_color_profile_size)(self.handle) };
        filled(length, |bytes| {
            // SAFETY: as above; the buffer has the length that the library wants.
            unsafe { (functions.heif_image_handle_get_raw_color_profile)(self.handle, bytes) }
        })
    }

    /// Primaries and transfer function by their numbers in ITU-T H.273.
    pub fn primaries_and_transfer(&self) -> Option<(u8, u8)> {
        let functions = self.functions();
        let mut profile: *mut Nclx = ptr::null_mut();
        // SAFETY: as above; what comes back is read and freed.
        unsafe {
            let got =
                (functions.heif_image_handle_get_nclx_color_profile)(self.handle, &mut profile);
            if check(&got).is_err() || profile.is_null() {
                return None;
            }
            let numbers = ((*profile).primaries, (*profile).transfer);
            (functions.heif_nclx_color_profile_free)(profile);
            Some((numbers.0.try_into().ok()?, numbers.1.try_into().ok()?))
        }
    }

    /// Decodes the picture, upright.
    ///
    /// # Errors
    /// What the library says, or that the pixels have another size than was said.
    pub fn decoded(&self) -> Result<Decoded, Failed> {
        let functions = self.functions();
        let (width, height) = self.size();
        // What is inside may not be larger by far than the whole: tiles may lap over.
        let side_px = c_int::try_from(width.max(height).max(4096)).unwrap_or(c_int::MAX);
        let (is_deep, has_alpha) = (self.is_deep(), self.has_alpha());
        // `heif_chroma_interleaved_…`: `RGB`, `RGBA`, `RRGGBB_LE`, `RRGGBBAA_LE`.
        let chroma = match (is_deep, has_alpha) {
            (false, false) => 10,
            (false, true) => 11,
            (true, false) => 14,
            (true, true) => 15,
        };
        let mut image = ptr::null_mut();
        // SAFETY: as above; the image is released with its owner. No options are what the header allows.
        check(&unsafe {
            (functions.heif_context_set_maximum_image_size_limit)(self.file.context, side_px);
            (functions.heif_decode_image)(self.handle, &mut image, RGB, chroma, ptr::null())
        })?;
        if image.is_null() {
            return Err("there are no pixels".to_owned());
        }
        let image = Image { functions, image };
        let (mut stride, mut bits) = (0, 8);
        // SAFETY: the image is there until its owner is dropped.
        let (size, plane) = unsafe {
            if is_deep {
                bits = (functions.heif_image_get_bits_per_pixel_range)(image.image, INTERLEAVED);
            }
            (
                (
                    count((functions.heif_image_get_width)(image.image, INTERLEAVED)),
                    count((functions.heif_image_get_height)(image.image, INTERLEAVED)),
                ),
                (functions.heif_image_get_plane_readonly)(image.image, INTERLEAVED, &mut stride),
            )
        };
        let channels = if has_alpha { 4 } else { 3 };
        let row_bytes = size.0 as usize * channels * if is_deep { 2 } else { 1 };
        let stride = count(stride) as usize;
        // Where a quarter turn stands before the size, the library says the size before the turn.
        let is_as_said = [(width, height), (height, width)].contains(&size);
        if plane.is_null() || !is_as_said || stride < row_bytes {
            return Err("its pixels are not of the size that it declares".to_owned());
        }
        if !(1..=16).contains(&bits) {
            return Err(format!("it has {bits} bits a channel"));
        }
        let rows = size.1 as usize;
        let mut samples = Vec::with_capacity(row_bytes * rows);
        for row in 0..rows {
            // SAFETY: the plane has so many rows, `stride` bytes apart, each of at least `row_bytes`.
            samples.extend_from_slice(unsafe {
                slice::from_raw_parts(plane.add(row * stride), row_bytes)
            });
        }
        Ok(Decoded {
            size,
            bits: count(bits),
            samples,
        })
    }
}

impl Drop for Picture<'_> {
    fn drop(&mut self) {
        // SAFETY: this is its one owner.
        unsafe { (self.functions().heif_image_handle_release)(self.handle) };
    }
}

/// Pixels of the library.
struct Image {
    functions: &'static Functions,
    image: Object,
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: this is its one owner.
        unsafe { (self.functions.heif_image_release)(self.image) };
    }
}

/// A list of so many numbers; `list` fills it, and says how many there are.
fn ids(length: c_int, list: impl FnOnce(*mut u32, c_int) -> c_int) -> Vec<u32> {
    let length = length.clamp(0, MOST);
    let mut ids = vec![0; count(length) as usize];
    let filled = list(ids.as_mut_ptr(), length);
    ids.truncate(count(filled) as usize);
    ids
}

/// So many bytes, filled by the library; `None` where there are none, or far too many.
fn filled(length: usize, fill: impl FnOnce(Object) -> Status) -> Option<Vec<u8>> {
    if length == 0 || length > MOST_BYTES {
        return None;
    }
    let mut bytes = vec![0; length];
    let filled = fill(bytes.as_mut_ptr().cast());
    check(&filled).ok()?;
    Some(bytes)
}
