//! The bounds that keep one call within the memory and the time that a plugin which reads media has (256 MiB, 10 s),
//! each with its reason. Nothing is read or decoded here.

/// Bytes of a file that is read: it is held whole, and twice while words are taken out of it.
pub(crate) const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes that the file and all that is made of it may take at once: the 256 MiB of the call without 32 MiB for the
/// code's own data, the stack, the tables of decoders and what the allocator loses.
pub(crate) const WORK_BYTES_MAX: u64 = 224 * 1024 * 1024;

/// Pixels of a picture that is decoded, whatever memory that takes: cameras reach 100 million, and more of them would
/// not be done within 10 s.
pub(crate) const PIXELS_MAX: u64 = 100_000_000;

/// Bytes of a colour profile that is carried along: those of cameras and screens have a few thousand.
pub(crate) const PROFILE_BYTES_MAX: usize = 64 * 1024;

/// Bytes that a compressed text within a picture may unfold to; a longer one is taken out unread.
pub(crate) const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Bytes that all compressed texts of one picture may unfold to; what is beyond them is taken out unread. A file of 64 MiB
/// has room for texts of 64 GiB, which would take minutes.
pub(crate) const TEXTS_BYTES_MAX: u64 = 4 * TEXT_BYTES_MAX;

/// Directories of one block of EXIF that are followed: cameras write five.
pub(crate) const DIRECTORIES_MAX: usize = 32;

/// Chunks, segments, blocks or items of one file; a picture of 64 MiB in PNG chunks of 8 KiB has 8,192.
pub(crate) const PARTS_MAX: usize = 1 << 20;

/// Qualities of JPEG, tried from the first on until the file is small enough.
pub(crate) const QUALITIES: [u8; 4] = [90, 80, 70, 60];

/// Pixels of the longer side below which a picture is not scaled only to save bytes.
pub(crate) const SIDE_MIN: u32 = 64;

/// Pixels of a PNG that is compressed with the usual effort, which takes seconds for those of a camera; a larger one is
/// compressed fast.
pub(crate) const PNG_PIXELS_MAX: u64 = 4_000_000;
