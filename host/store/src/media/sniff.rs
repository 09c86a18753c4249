//! Reads the type of a medium from its bytes. What the sender claims decides only where the bytes leave it open.

use infer::MatcherType;

use crate::limits::SNIFF_BYTES_MAX;

/// Looks at bytes as they stream by.
#[derive(Debug)]
pub(super) struct Sniffer {
    head: Vec<u8>,
    text: Text,
    declared: Option<String>,
}

/// Whether everything so far is UTF-8 text; the whole counts, not the first page (case N4).
#[derive(Debug)]
enum Text {
    /// With the bytes of a character that is cut in two.
    SoFar(Vec<u8>),
    No,
}

const BINARY: (&str, &str) = ("application/octet-stream", "bin");

impl Sniffer {
    pub(super) fn new() -> Self {
        Self { head: Vec::new(), text: Text::SoFar(Vec::new()), declared: None }
    }

    pub(super) fn declare(&mut self, content_type: &str) {
        let essence = content_type.split(';').next().unwrap_or_default();
        self.declared = Some(essence.trim().to_ascii_lowercase());
    }

    pub(super) fn read(&mut self, bytes: &[u8]) {
        let room = SNIFF_BYTES_MAX.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if let Text::SoFar(rest) = &mut self.text {
            let rest = std::mem::take(rest);
            self.text = read_text(rest, bytes);
        }
    }

    /// The content type and the extension that goes with it.
    pub(super) fn verdict(&self, name: Option<&str>) -> (&'static str, &'static str) {
        if self.head.is_empty() {
            return BINARY;
        }
        let is_text = matches!(&self.text, Text::SoFar(rest) if rest.is_empty());
        let sniffed = infer::get(&self.head);
        if is_text {
            // Some signatures are two letters that a text may begin with; those of documents are a whole line.
            let is_document = |t: &infer::Type| {
                t.matcher_type() == MatcherType::Text
                    || matches!(t.mime_type(), "application/pdf" | "application/rtf" | "application/postscript")
            };
            return match sniffed.filter(is_document) {
                Some(found) => (found.mime_type(), found.extension()),
                None => text_type(name),
            };
        }
        match sniffed {
            // A text that turns into something else is no text.
            Some(found) if found.matcher_type() != MatcherType::Text => {
                self.settle(canonical(found.mime_type(), found.extension()))
            }
            _ => BINARY,
        }
    }

    /// Lets the claim decide between sound and moving pictures in containers that hold either.
    fn settle(&self, sniffed: (&'static str, &'static str)) -> (&'static str, &'static str) {
        match (sniffed.0, self.declared.as_deref()) {
            ("video/webm", Some("audio/webm")) => ("audio/webm", "weba"),
            ("audio/ogg", Some("video/ogg")) => ("video/ogg", "ogv"),
            ("video/mp4", Some("audio/mp4" | "audio/m4a" | "audio/x-m4a")) => ("audio/mp4", "m4a"),
            _ => sniffed,
        }
    }
}

/// One name for each type: providers know these.
fn canonical(mime: &'static str, extension: &'static str) -> (&'static str, &'static str) {
    match mime {
        "audio/m4a" => ("audio/mp4", "m4a"),
        "audio/x-wav" => ("audio/wav", "wav"),
        "audio/x-flac" => ("audio/flac", "flac"),
        "audio/opus" => ("audio/ogg", "ogg"),
        "video/x-m4v" => ("video/mp4", "mp4"),
        mime => (mime, extension),
    }
}

/// What sort of text it is: the name says it, since nothing else does.
fn text_type(name: Option<&str>) -> (&'static str, &'static str) {
    let extension = name.and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("csv") => ("text/csv", "csv"),
        Some("md" | "markdown") => ("text/markdown", "md"),
        _ => ("text/plain", "txt"),
    }
}

fn read_text(mut rest: Vec<u8>, mut bytes: &[u8]) -> Text {
    // First the character that the last piece cut in two: it is whole after at most three more bytes.
    while !rest.is_empty() {
        let Some((first, others)) = bytes.split_first() else { return Text::SoFar(rest) };
        rest.push(*first);
        bytes = others;
        match std::str::from_utf8(&rest) {
            Ok(text) if is_plain(text) => rest.clear(),
            Err(error) if error.error_len().is_none() => {}
            Ok(_) | Err(_) => return Text::No,
        }
    }
    let (whole, rest) = match std::str::from_utf8(bytes) {
        Ok(_) => (bytes, Vec::new()),
        Err(error) if error.error_len().is_none() => {
            let (whole, rest) = bytes.split_at(error.valid_up_to());
            (whole, rest.to_vec())
        }
        Err(_) => return Text::No,
    };
    match std::str::from_utf8(whole) {
        Ok(text) if is_plain(text) => Text::SoFar(rest),
        Ok(_) | Err(_) => Text::No,
    }
}

fn is_plain(text: &str) -> bool {
    !text.bytes().any(|b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c) || b == 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&[u8]], name: Option<&str>, declared: Option<&str>, expected: &str) {
        let mut sniffer = Sniffer::new();
        if let Some(declared) = declared {
            sniffer.declare(declared);
        }
        for piece in pieces {
            sniffer.read(piece);
        }
        assert_eq!(sniffer.verdict(name).0, expected, "{pieces:?} {name:?} {declared:?}");
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    fn webm() -> Vec<u8> {
        let mut bytes = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm".to_vec();
        bytes.resize(300, 0);
        bytes
    }

    #[test]
    fn bytes_beat_the_claim_and_the_name() {
        check(&[PNG], Some("a.pdf"), Some("application/pdf"), "image/png");
        check(&[b"<html><script>"], Some("a.jpg"), Some("image/jpeg"), "text/html");
        check(&[b"%PDF-1.7\n"], Some("a.txt"), None, "application/pdf");
        check(&[&webm()], None, None, "video/webm");
        check(&[&webm()], None, Some("image/png"), "video/webm");
    }

    #[test]
    fn the_claim_decides_where_the_bytes_leave_it_open() {
        check(&[&webm()], None, Some("Audio/WebM; codecs=opus"), "audio/webm");
    }

    #[test]
    fn the_whole_must_be_text() {
        check(&[b"a,b\n1,2\n"], Some("A.CSV"), None, "text/csv");
        check(&[b"# x"], Some("a.md"), None, "text/markdown");
        check(&[b"BMW is a car"], None, None, "text/plain");
        check(&["ü".as_bytes()], None, None, "text/plain");
        check(&[&"ü".as_bytes()[..1], &"ü".as_bytes()[1..]], None, None, "text/plain");
        check(&[&"🎣".as_bytes()[..1], b"", &"🎣".as_bytes()[1..3], &"🎣".as_bytes()[3..]], None, None, "text/plain");
        check(&[&"ü".as_bytes()[..1]], None, None, "application/octet-stream");
        check(&[&[b'a'; 9000], b"\0\x01\xff"], Some("a.csv"), None, "application/octet-stream");
        check(&[b"<html> ", b"\0"], None, None, "application/octet-stream");
        check(&[b"\xff\xfe\xff"], Some("a.md"), None, "application/octet-stream");
        check(&[b""], Some("a.csv"), None, "application/octet-stream");
    }
}
