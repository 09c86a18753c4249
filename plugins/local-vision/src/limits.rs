//! The bounds that keep one look at a picture small, each with its reason. Nothing is read or decoded here.

/// Pixels of a picture whose colours are looked at: the largest pictures of today's phones in their ordinary mode have
/// 12 million, and a header can claim four thousand million in 30 bytes.
pub(crate) const PIXELS_MAX: u64 = 40_000_000;

/// Bytes that decoding one picture may need at once: three quarters of the 64 MiB of linear memory that a call has, the
/// rest being the code's own data, the stack and what the allocator loses.
pub(crate) const DECODE_BYTES_MAX: u64 = 48 * 1024 * 1024;

/// Pixels along one side that are sampled for the colours: 65,536 points are plenty for three names and their shares,
/// and the work no longer grows with the picture.
pub(crate) const SAMPLES_PER_SIDE: u32 = 256;

/// Pictures looked at in one call: with a picture at its largest taking well under a second, this stays far below the
/// 10 s that the host gives one step.
pub(crate) const PICTURES_MAX: usize = 16;

/// Characters of a picture's own name that are repeated in the answer: the name is the sender's, and is for display.
pub(crate) const NAME_CHARS_MAX: usize = 80;

/// Names of colours in one sentence.
pub(crate) const COLOURS_MAX: usize = 3;

/// Percent below which a colour is not worth a word.
pub(crate) const SHARE_PERCENT_MIN: u8 = 5;
