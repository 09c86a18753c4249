//! BMP: its header. There is room for no words in it.

use super::Survey;
use crate::fault::Fault;
use crate::kind::Kind;

pub(super) fn survey(bytes: &[u8]) -> Result<Survey, Fault> {
    let length = bytes.get(14..18).ok_or(Fault::CutOff { kind: Kind::Bmp })?;
    let size = match (length, bytes.get(18..)) {
        // The oldest header.
        ([12, 0, 0, 0], Some([w0, w1, h0, h1, ..])) => {
            (u32::from(u16::from_le_bytes([*w0, *w1])), u32::from(u16::from_le_bytes([*h0, *h1])))
        }
        // A height below zero says that the first row is the upper one.
        (_, Some([w0, w1, w2, w3, h0, h1, h2, h3, ..])) => {
            let width = i32::from_le_bytes([*w0, *w1, *w2, *w3]);
            (width.unsigned_abs(), i32::from_le_bytes([*h0, *h1, *h2, *h3]).unsigned_abs())
        }
        _ => return Err(Fault::CutOff { kind: Kind::Bmp }),
    };
    Ok(Survey::plain(Kind::Bmp, size))
}
