//! The kinds of pictures that are known here, told by their first bytes. What a sender calls them does not count.

/// A kind of picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Jpeg,
    Png,
    Gif,
    WebP,
    Bmp,
    Tiff,
    Heic,
    Avif,
}

impl Kind {
    /// Tells a picture by its first bytes.
    pub(crate) fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'B', b'M', ..] => Some(Self::Bmp),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Self::Tiff),
            [a, b, c, d, b'f', b't', b'y', b'p', ..] => {
                let end = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
                let brands = bytes.get(8..end.min(bytes.len())).unwrap_or_default();
                let has = |sought: &[u8]| brands.chunks_exact(4).any(|brand| brand == sought);
                let is_avif = has(b"avif") || has(b"avis");
                let is_heic = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1"].iter().any(|brand| has(*brand));
                if is_avif { Some(Self::Avif) } else { is_heic.then_some(Self::Heic) }
            }
            _ => None,
        }
    }

    /// Whether this content type, which somebody asks for, is of this kind.
    pub(crate) fn is_named(self, content_type: &str) -> bool {
        let name = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let name = match name.as_str() {
            "image/jpg" | "image/pjpeg" => "image/jpeg",
            "image/heif" => "image/heic",
            "image/x-ms-bmp" => "image/bmp",
            other => other,
        };
        name == self.content_type() || name == "image/*" || name == "*/*"
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
            Self::Heic => "image/heic",
            Self::Avif => "image/avif",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Heic => "HEIC",
            Self::Avif => "AVIF",
        }
    }

    /// The name of a file of this kind in `/out`.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Jpeg => "picture.jpg",
            Self::Png => "picture.png",
            Self::Gif => "picture.gif",
            Self::WebP => "picture.webp",
            Self::Bmp => "picture.bmp",
            Self::Tiff => "picture.tiff",
            Self::Heic => "picture.heic",
            Self::Avif => "picture.avif",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_told_by_its_first_bytes() {
        let check = |bytes: &[u8], expect: Option<Kind>| assert_eq!(Kind::sniff(bytes), expect, "{bytes:02X?}");
        check(b"\xFF\xD8\xFF\xE0", Some(Kind::Jpeg));
        check(b"\xFF\xD8", None);
        check(b"\x89PNG\r\n\x1A\n", Some(Kind::Png));
        check(b"\x89PNG\n\x1A\n", None);
        check(b"GIF89a", Some(Kind::Gif));
        check(b"GIF88a", None);
        check(b"RIFF\0\0\0\0WEBP", Some(Kind::WebP));
        check(b"RIFF\0\0\0\0WAVE", None);
        check(b"BM", Some(Kind::Bmp));
        check(b"II*\0", Some(Kind::Tiff));
        check(b"MM\0*", Some(Kind::Tiff));
        check(b"MM*\0", None);
        check(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Some(Kind::Heic));
        check(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Some(Kind::Avif));
        check(b"\0\0\0\x14ftypisom\0\0\0\0mp42heic", None);
        check(b"", None);
    }

    #[test]
    fn a_content_type_is_read_with_its_other_spellings() {
        let check = |text: &str, kind: Kind, expect: bool| assert_eq!(kind.is_named(text), expect, "{text}");
        check("image/jpeg", Kind::Jpeg, true);
        check("IMAGE/JPG; q=1", Kind::Jpeg, true);
        check("image/heif", Kind::Heic, true);
        check("image/heic", Kind::Avif, false);
        check("jpeg", Kind::Jpeg, false);
        check("image/png", Kind::Jpeg, false);
        check("image/*", Kind::Bmp, true);
        check("*/*", Kind::Bmp, true);
        check("image/**", Kind::Bmp, false);
    }
}
