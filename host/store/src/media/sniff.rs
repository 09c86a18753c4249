//! Reads the type of a medium from its bytes. What the sender claims decides only where the bytes leave it open.

use infer::MatcherType;

use crate::limits::{DECLARED_TYPE_CHARS_MAX, SNIFF_BYTES_MAX};

/// Looks at bytes as they stream by.
#[derive(Debug)]
pub(super) struct Sniffer {
    head: Vec<u8>,
    text: Text,
    declared: Option<String>,
}

/// Whether everything so far is text; the whole counts, not the first page (case N4).
#[derive(Debug)]
struct Text {
    /// Whether there are no bytes that no text has, whatever its encoding.
    is_plain: bool,
    /// The bytes of a character that is cut in two, while all is UTF-8.
    utf8: Option<Vec<u8>>,
    /// Bytes that ASCII does not have.
    high: u64,
    /// Bytes that ink or a non-ASCII character stands for.
    visible: u64,
    all: u64,
}

const BINARY: (&str, &str) = ("application/octet-stream", "bin");
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

impl Sniffer {
    pub(super) fn new() -> Self {
        let text = Text { is_plain: true, utf8: Some(Vec::new()), high: 0, visible: 0, all: 0 };
        Self { head: Vec::new(), text, declared: None }
    }

    pub(super) fn declare(&mut self, content_type: &str) {
        let essence = content_type.split(';').next().unwrap_or_default();
        let plain = essence.chars().filter(|c| !c.is_control()).collect::<String>();
        let declared: String = plain.trim().chars().take(DECLARED_TYPE_CHARS_MAX).collect();
        self.declared = Some(declared.to_ascii_lowercase()).filter(|declared| !declared.is_empty());
    }

    /// What was declared, as it is kept.
    pub(super) fn declared(&self) -> Option<&str> {
        self.declared.as_deref()
    }

    pub(super) fn read(&mut self, bytes: &[u8]) {
        let room = SNIFF_BYTES_MAX.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.text.read(bytes);
    }

    /// The content type as soon as further bytes cannot make one of another kind of it.
    pub(super) fn settled(&self, name: Option<&str>) -> Option<&'static str> {
        let is_whole = self.head.len() >= SNIFF_BYTES_MAX;
        // A signature of two letters says nothing while all is text.
        let is_signed = || !self.text.is_plain && infer::get(&self.head).is_some();
        (is_whole || is_signed()).then(|| self.verdict(name).0)
    }

    /// The content type and the extension that goes with it.
    pub(super) fn verdict(&self, name: Option<&str>) -> (&'static str, &'static str) {
        if self.head.is_empty() {
            return BINARY;
        }
        let is_text = self.is_text(name);
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

    /// Whether all of it is text: UTF-8, or in a table or a Markdown file one of the older encodings of western languages,
    /// where most letters are ASCII (cases N1, N3).
    fn is_text(&self, name: Option<&str>) -> bool {
        let Text { is_plain, ref utf8, high, visible, all } = self.text;
        let of_mark = if self.head.starts_with(UTF8_MARK) { UTF8_MARK.len() as u64 } else { 0 };
        if !is_plain || visible <= of_mark {
            return false;
        }
        if utf8.as_ref().is_some_and(Vec::is_empty) {
            return true;
        }
        let is_marked = of_mark > 0 || UTF16_MARKS.iter().any(|mark| self.head.starts_with(mark));
        let is_named = matches!(text_type(name).0, "text/csv" | "text/markdown");
        is_named && !is_marked && high.saturating_mul(4) <= all
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

impl Text {
    fn read(&mut self, bytes: &[u8]) {
        if !self.is_plain {
            return;
        }
        let is_control = |b: u8| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c) || b == 0x7f;
        for &byte in bytes {
            self.is_plain &= !is_control(byte);
            self.high += u64::from(byte >= 0x80);
            self.visible += u64::from(byte > b' ');
        }
        self.all += bytes.len() as u64;
        self.utf8 = self.utf8.take().and_then(|rest| read_utf8(rest, bytes));
    }
}

/// Goes on with UTF-8 behind `rest`, the beginning of a character; `None` where it is none.
fn read_utf8(mut rest: Vec<u8>, mut bytes: &[u8]) -> Option<Vec<u8>> {
    // First the character that the last piece cut in two: it is whole after at most three more bytes.
    while !rest.is_empty() {
        let Some((first, others)) = bytes.split_first() else { return Some(rest) };
        rest.push(*first);
        bytes = others;
        match std::str::from_utf8(&rest) {
            Ok(_) => rest.clear(),
            Err(error) if error.error_len().is_none() => {}
            Err(_) => return None,
        }
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => Some(Vec::new()),
        Err(error) if error.error_len().is_none() => Some(bytes[error.valid_up_to()..].to_vec()),
        Err(_) => None,
    }
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

    /// Group N of the older gateway's cases, as far as bytes decide. What a granted directory gives out is judged by
    /// this verdict and the name.
    #[test]
    fn tables_and_markdown_are_proven_by_all_of_their_bytes() {
        let latin1 = b"name;city\nJ\xfcrgen;K\xf6ln\n".as_slice();
        let padded = [b"a,b\n".as_slice(), &[0; 64]].concat();
        let marked = [b"\xef\xbb\xbf".as_slice(), &[0xff; 60]].concat();
        let marked_text = [b"\xef\xbb\xbfa,b\n".as_slice(), b"\xff"].concat();
        let alternating = b"a\xe9".repeat(50);
        let tail = [vec![b'x'; 9 << 10], b"\x01\x02\xff".to_vec()].concat();
        let high_tail = [vec![b'x'; 4 << 10], vec![0xe9; 4 << 10]].concat();
        let opaque: Vec<u8> = (0..=255).collect();
        let far = [&[b'x'; 2 << 10], b"%PDF-1.7\n".as_slice()].concat();
        for (id, bytes, name, expected) in [
            ("N1", b"a,b\n1,2\n".as_slice(), "a.csv", "text/csv"),
            ("N1", b"# Title\n\n- one\n", "a.md", "text/markdown"),
            ("N1 near: the longer extension", b"# x", "A.MARKDOWN", "text/markdown"),
            ("N1 punctuation alone", b"---\n***\n", "a.md", "text/markdown"),
            ("N1 punctuation alone", b",,;\n", "a.csv", "text/csv"),
            ("N1 Latin-1", latin1, "a.csv", "text/csv"),
            ("N1 Latin-1", latin1, "a.md", "text/markdown"),
            ("N1 with a mark", b"\xef\xbb\xbfa,b\n", "a.csv", "text/csv"),
            ("N1 near: Latin-1 under another name", latin1, "a.txt", "application/octet-stream"),
            ("N2 is refused by whoever asks for a document", b"hello", "a.txt", "text/plain"),
            ("N2 text named .pdf", b"hello", "a.pdf", "text/plain"),
            ("N2 an archive named .csv", b"PK\x03\x04\x14\0\0\0", "a.csv", "application/zip"),
            ("N3 opaque", &opaque, "a.csv", "application/octet-stream"),
            ("N3 NUL-padded", &padded, "a.csv", "application/octet-stream"),
            ("N3 a mark and FF", &marked, "a.csv", "application/octet-stream"),
            ("N3 near: a mark, text and FF", &marked_text, "a.csv", "application/octet-stream"),
            ("N3 UTF-16 mark and FF", b"\xff\xfe\xff\xff", "a.md", "application/octet-stream"),
            ("N3 a mark and a form feed", b"\xef\xbb\xbf\x0c", "a.md", "application/octet-stream"),
            ("N3 alternating", &alternating, "a.csv", "application/octet-stream"),
            ("N3 all high", &[0xe9; 80], "a.md", "application/octet-stream"),
            ("N4", &tail, "a.csv", "application/octet-stream"),
            ("N4 near: a tail that is no control", &high_tail, "a.csv", "application/octet-stream"),
            ("N5", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a.bin", "application/pdf"),
            ("N5 near: the mark of a PDF far behind the front", &far, "a.pdf", "text/plain"),
        ] {
            for size in [1, 7, bytes.len()] {
                let mut sniffer = Sniffer::new();
                bytes.chunks(size).for_each(|piece| sniffer.read(piece));
                assert_eq!(sniffer.verdict(Some(name)).0, expected, "{id}: {name} by {size}");
            }
        }
    }

    #[test]
    fn a_kind_is_settled_as_soon_as_nothing_can_change_it() {
        let settled = |bytes: &[u8]| {
            let mut sniffer = Sniffer::new();
            sniffer.read(bytes);
            sniffer.settled(None)
        };
        assert_eq!(settled(&PNG[..3]), None);
        assert_eq!(settled(PNG), Some("image/png"));
        assert_eq!(settled(b"BM is how a bitmap begins, and this text"), None);
        assert_eq!(settled(&[b'a'; SNIFF_BYTES_MAX]), Some("text/plain"));
    }

    #[test]
    fn a_claim_is_kept_as_one_line_of_bounded_length() {
        let declared = |text: &str| {
            let mut sniffer = Sniffer::new();
            sniffer.declare(text);
            sniffer.declared().map(str::to_owned)
        };
        assert_eq!(declared(" Audio/WebM; codecs=opus").as_deref(), Some("audio/webm"));
        assert_eq!(declared("image/\u{1b}[1mpng").as_deref(), Some("image/[1mpng"));
        assert_eq!(declared(&"x".repeat(999)).map(|text| text.len()), Some(DECLARED_TYPE_CHARS_MAX));
        assert_eq!(declared(" ;x"), None);
    }
}
