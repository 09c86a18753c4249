//! What pictures say in words and numbers beside their pixels, whatever file carries it: where they were taken, and
//! which side is up.

pub(crate) mod iptc;
pub(crate) mod tiff;
pub(crate) mod xmp;
