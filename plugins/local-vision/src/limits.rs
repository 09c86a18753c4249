//! The bounds that keep one look at a picture small, each with its reason. Nothing is read or decoded here.

/// Pixels of a picture whose pixels are looked at: the largest pictures of today's phones in their ordinary mode have
/// 12 million, and a header can claim four thousand million in 30 bytes.
pub(crate) const PIXELS_MAX: u64 = 40_000_000;

/// Bytes that decoding one picture may need at once. A call that reads media has 256 MiB of linear memory; 40 million
/// pixels of three bytes fit in this with their file, and what is left holds the grey copy and what is searched in it.
/// All is freed between two steps, but linear memory does not shrink, so the rest is not spent on decoding.
pub(crate) const DECODE_BYTES_MAX: u64 = 160 * 1024 * 1024;

/// Pixels of the grey copy that codes and text are looked for in: a phone's picture in full. The search for codes needs
/// three bytes for each.
pub(crate) const GREY_PIXELS_MAX: u64 = 12_600_000;

/// Bytes of Exif that are looked at: a JPEG has room for 64 KiB, and a preview is all that makes others larger.
pub(crate) const EXIF_BYTES_MAX: usize = 256 * 1024;

/// Characters of a field that a camera's maker wrote: real names of cameras have some twenty.
pub(crate) const FIELD_CHARS_MAX: usize = 40;

/// Pixels of the longer side of the copies that QR codes are looked for in, one after the other until one is found: most
/// codes fill a good part of the picture. In full detail a photograph's noise looks like corners of codes to the library,
/// whose work grows with the third power of them.
pub(crate) const QR_SIDES_MAX: [u32; 2] = [900, 2000];

/// Percent of neighbouring pixels that differ sharply, from which on no QR code is looked for: this is noise, and its
/// thousands of false corners would take minutes. A picture that is nothing but a code of two pixels a module has 13.
pub(crate) const QR_ROUGH_PERCENT_MAX: usize = 18;

/// Lines in one direction along which bar codes are looked for: a code as high as a thirtieth of the picture is crossed
/// by two of them.
pub(crate) const BAR_LINES: u32 = 60;

/// Codes of one picture that are told: a page of tickets has some, and a hostile picture could have hundreds.
pub(crate) const CODES_MAX: usize = 8;

/// Characters of one code that are repeated: a visiting card or a payment fits, and what hides a speech does not.
pub(crate) const CODE_CHARS_MAX: usize = 500;

/// Pixels along one side that are sampled for the colours: 65,536 points are plenty for three names and their shares,
/// and the work no longer grows with the picture.
pub(crate) const SAMPLES_PER_SIDE: u32 = 256;

/// Pictures looked at in one call: each gets a step of its own, and with it 10 s.
pub(crate) const PICTURES_MAX: usize = 16;

/// Characters of a picture's own name that are repeated in the answer: the name is the sender's, and is for display.
pub(crate) const NAME_CHARS_MAX: usize = 80;

/// Names of colours in one sentence.
pub(crate) const COLOURS_MAX: usize = 3;

/// Percent below which a colour is not worth a word.
pub(crate) const SHARE_PERCENT_MIN: u8 = 5;

/// Percent of neighbouring pixels that are exactly alike from which on a picture is said to be of flat colours. What a
/// camera takes has noise; a drawing or a screen has next to none.
pub(crate) const FLAT_PERCENT_MIN: u8 = 60;

/// Pixels of the longer side of the copy that letters are looked for in: those of a full page are some 15 high in it.
pub(crate) const TEXT_SIDE_MAX: u32 = 2200;

/// Lines of text of one picture that are read: a screen full, or the better part of a page.
pub(crate) const TEXT_LINES_MAX: usize = 48;

/// Pixels of the width of one line, which is 36 pixels high: 250 letters.
pub(crate) const TEXT_LINE_WIDTH_MAX: u32 = 4000;

/// Steps of the network within one step of the plugin. One takes half a million multiplications, so that a thousand of
/// them stay well below the 10 s that the host gives one step; and the longest line has 1,333.
pub(crate) const TEXT_STEPS_AT_ONCE: usize = 1_400;

/// Characters of all text of one picture that are repeated.
pub(crate) const TEXT_CHARS_MAX: usize = 1_500;
