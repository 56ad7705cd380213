//! libheif, loaded when the first HEIC or AVIF file is opened: what reading takes of its C interface (`heif.h`,
//! version 1.13 and later).
//!
//! It is loaded at run time, and not linked: who has no libheif still has a program that starts, and a build needs no
//! headers.

// Functions of a C library are named here as they are there.
#![allow(unsafe_code, non_snake_case)]

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use libloading::Library;

/// What the system calls the library; empty where Jawline does not look for it.
const NAME: &str = if cfg!(target_os = "linux") {
    "libheif.so.1"
} else if cfg!(target_os = "macos") {
    "libheif.1.dylib"
} else {
    ""
};

/// `heif_error`.
#[repr(C)]
pub(super) struct Status {
    pub code: c_int,
    subcode: c_int,
    pub message: *const c_char,
}

/// The beginning of `heif_color_profile_nclx`, which is read behind a pointer only.
#[repr(C)]
pub(super) struct Nclx {
    version: u8,
    pub primaries: c_int,
    pub transfer: c_int,
}

/// An object of the library, or a buffer for it.
pub(super) type Object = *mut c_void;

macro_rules! functions {
    ($($name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        pub(super) struct Functions {
            $(pub $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            /// The functions are in it.
            _library: Library,
        }

        impl Functions {
            fn of(library: Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    // SAFETY: the types are those that `heif.h` declares for these names, and the library stays
                    // loaded as long as the functions.
                    $($name: unsafe { *library.get(stringify!($name))? },)*
                    _library: library,
                })
            }
        }
    };
}

functions! {
    heif_init(Object) -> Status;
    heif_context_alloc() -> Object;
    heif_context_free(Object);
    heif_context_set_maximum_image_size_limit(Object, c_int);
    heif_context_read_from_memory_without_copy(Object, *const c_void, usize, *const c_void) -> Status;
    heif_context_get_primary_image_handle(Object, *mut Object) -> Status;
    heif_context_get_number_of_top_level_images(Object) -> c_int;
    heif_image_handle_release(Object);
    heif_image_handle_get_width(Object) -> c_int;
    heif_image_handle_get_height(Object) -> c_int;
    heif_image_handle_has_alpha_channel(Object) -> c_int;
    heif_image_handle_is_premultiplied_alpha(Object) -> c_int;
    heif_image_handle_get_luma_bits_per_pixel(Object) -> c_int;
    heif_image_handle_get_number_of_auxiliary_images(Object, c_int) -> c_int;
    heif_image_handle_get_list_of_auxiliary_image_IDs(Object, c_int, *mut u32, c_int) -> c_int;
    heif_image_handle_get_auxiliary_image_handle(Object, u32, *mut Object) -> Status;
    heif_image_handle_get_auxiliary_type(Object, *mut *const c_char) -> Status;
    heif_image_handle_free_auxiliary_types(Object, *mut *const c_char);
    heif_image_handle_get_number_of_metadata_blocks(Object, *const c_char) -> c_int;
    heif_image_handle_get_list_of_metadata_block_IDs(Object, *const c_char, *mut u32, c_int) -> c_int;
    heif_image_handle_get_metadata_type(Object, u32) -> *const c_char;
    heif_image_handle_get_metadata_content_type(Object, u32) -> *const c_char;
    heif_image_handle_get_metadata_size(Object, u32) -> usize;
    heif_image_handle_get_metadata(Object, u32, Object) -> Status;
    heif_image_handle_get_raw_color_profile_size(Object) -> usize;
    heif_image_handle_get_raw_color_profile(Object, Object) -> Status;
    heif_image_handle_get_nclx_color_profile(Object, *mut *mut Nclx) -> Status;
    heif_nclx_color_profile_free(*mut Nclx);
    heif_decode_image(Object, *mut Object, c_int, c_int, *const c_void) -> Status;
    heif_image_get_width(Object, c_int) -> c_int;
    heif_image_get_height(Object, c_int) -> c_int;
    heif_image_get_bits_per_pixel_range(Object, c_int) -> c_int;
    heif_image_get_plane_readonly(Object, c_int, *mut c_int) -> *const u8;
    heif_image_release(Object);
}

/// The library, or why there is none.
pub(super) fn functions() -> Result<&'static Functions, &'static str> {
    static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
    let load = || {
        if NAME.is_empty() {
            return None;
        }
        // SAFETY: the system's libheif does nothing when it is loaded but to list its codecs.
        let library = unsafe { Library::new(NAME) };
        let functions = library.and_then(Functions::of);
        let functions = functions.inspect_err(|error| tracing::info!(%error, "no libheif"));
        let functions = functions.ok()?;
        // SAFETY: no parameters is what the header allows. Codecs that it cannot find, reading says.
        unsafe { (functions.heif_init)(ptr::null_mut()) };
        Some(functions)
    };
    FUNCTIONS.get_or_init(load).as_ref().ok_or(NAME)
}
