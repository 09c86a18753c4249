//! Makes the first inputs of every target, in the directory that is named: small files of each format with the notes
//! that cameras write, codes and a text to look at, and the spellings that people use. They are the same each time.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, Frame, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use qrcode::QrCode;

/// Spellings of media; `@` is the directory of the target `resolve`.
const SPELLINGS: [&str; 35] = [
    "media://inbound/in.png",
    "media://workspace/main/m.png",
    "media://inbound/%C3%BC.png",
    "MEDIA: ./media/outbound/out.png",
    "/media/inbound/in.png",
    "file:///media/inbound/in.png",
    "file://localhost@/granted/sub/h.png",
    "@/state/media/inbound/in.png",
    "@/state/media/inbound/link.png",
    "@/state/media/inbound/nested/n.png",
    "@/state/workspace/w.png",
    "@/state/workspace/link.png",
    "@/state/workspace/out/secret.png",
    "@/state/workspace-other/o.png",
    "@/state/top.png",
    "@/granted/g.png",
    "@/granted/hard.png",
    "@/granted/out/secret.png",
    "@/single/one.png",
    "@/single/two.png",
    "@/outside/secret.png",
    "w.png",
    "sub/deep/d.png",
    "sub/up/top.png",
    "hard.png",
    "~/h.png",
    "~/way/g.png",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA=",
    "https://a.example/x.png#f",
    "http://user:pw@127.0.0.1:80/x",
    "https://[::ffff:10.0.0.1]/x",
    "//x.b.example/y.png",
    "[media attached 1/2: media://inbound/in.png]",
    "C:\\x.png",
    "media://inbound/%C3%BC.",
];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::args_os().nth(1).unwrap_or_else(|| "corpus".into()));
    for (index, text) in SPELLINGS.iter().enumerate() {
        write(&root, "spelling", index, text.as_bytes())?;
        for flags in [0, 8, 15] {
            write(&root, "resolve", index * 16 + flags, &[&[flags as u8], text.as_bytes()].concat())?;
        }
    }
    for (index, file) in files().iter().enumerate() {
        write(&root, "look", index, file)?;
        write(&root, "sniff", index, &[file, [0, 7, 0].as_slice()].concat())?;
        let wishes = [[0, 0, 0, 0, 0], [3, 0, 0, 0, 0], [3, 4, 0, 0, 1], [2, 0, 5, 4, 2], [1, 0, 0, 0, 4]];
        for (number, wishes) in wishes.iter().enumerate() {
            write(&root, "picture", index * 16 + number, &[file, wishes.as_slice()].concat())?;
        }
    }
    for (index, bits) in drawings().iter().enumerate() {
        write(&root, "look", 1000 + index, bits)?;
    }
    for (index, text) in ["a,b\n1,2\n", "# ü 🎣", "%PDF-1.7\n", "<html><p>", "OggS", "\u{1a}Eߣ"].iter().enumerate()
    {
        write(&root, "sniff", 1000 + index, &[text.as_bytes(), [1, 1, 1].as_slice()].concat())?;
    }
    Ok(())
}

fn write(root: &Path, target: &str, index: usize, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(root.join(target))?;
    fs::write(root.join(target).join(format!("seed-{index:04}")), bytes)
}

/// Pictures of every format that is read, with what they may carry beside their pixels.
fn files() -> Vec<Vec<u8>> {
    let corners = DynamicImage::from(RgbImage::from_fn(24, 16, |x, y| match (x < 12, y < 8) {
        (true, true) => Rgb([255, 0, 0]),
        (false, true) => Rgb([0, 255, 0]),
        (true, false) => Rgb([0, 0, 255]),
        (false, false) => Rgb([255, 255, 255]),
    }));
    let clear = DynamicImage::from(RgbaImage::from_fn(9, 7, |x, _| Rgba([255, 0, 0, if x < 4 { 0 } else { 255 }])));
    let grey = DynamicImage::from(corners.to_luma8());
    let mut all = Vec::new();
    for image in [&corners, &clear, &grey] {
        all.extend([ImageFormat::Png, ImageFormat::WebP].map(|format| file(image, format)));
    }
    all.push(file(&DynamicImage::from(corners.to_rgb16()), ImageFormat::Png));
    all.push(file(&corners, ImageFormat::Bmp));
    all.push(file(&clear, ImageFormat::Bmp));
    all.push(animation(&clear));
    let jpeg = jpeg(&corners);
    let exif = [b"Exif\0\0".as_slice(), &exif(6)].concat();
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<rdf:Description exif:GPSLatitude='48,8N'/>";
    all.push(with_segment(&jpeg, 0xE1, &exif));
    all.push(with_segment(&jpeg, 0xE1, xmp));
    all.push(with_segment(&jpeg, 0xED, b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x0a\x1c\x02\x5a\0\x05Paris"));
    all.push([jpeg.as_slice(), b"behind the picture"].concat());
    all.push(jpeg);
    all.push(with_chunk(&file(&corners, ImageFormat::Png), b"eXIf", &self::exif(3)));
    all.push(with_chunk(&file(&grey, ImageFormat::Png), b"tEXt", b"XML:com.adobe.xmp\0exif:GPSLatitude"));
    all.push(with_webp_exif(&file(&corners, ImageFormat::WebP)));
    let options = heifer::EncodeOptions { quality: 60, max_threads: 1 };
    let notes = heifer::Metadata { exif: Some(self::exif(6)), xmp: Some(xmp.to_vec()), ..Default::default() };
    let heic = heifer::Image::filled(24, 16, 8, [200, 10, 10, 255]);
    all.extend(heifer::encode_with_metadata(&heic, &notes, &options));
    all.push(self::exif(8));
    all
}

/// What the target `look` draws by itself: a QR code, the bars of an EAN-13 code, strokes that may be letters.
fn drawings() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for text in ["https://creel.example", "1"] {
        let Ok(code) = QrCode::new(text) else { continue };
        let side = code.width() + 8;
        all.push(drawing(side, side, 2, |x, y| {
            let inside = |at: usize| (4..side - 4).contains(&at);
            inside(x) && inside(y) && code[(x - 4, y - 4)] == qrcode::Color::Dark
        }));
    }
    let bars = b"10100110010010011011110101000110110001010111101010100010010010001110100111001010000101101100101";
    all.push(drawing(120, 16, 2, |x, _| x.checked_sub(12).and_then(|bar| bars.get(bar)) == Some(&b'1')));
    all.push(drawing(160, 40, 1, |x, y| {
        let is_ink = (10..30).contains(&y) && (x % 14 < 3 || x % 14 < 10 && matches!(y, 10..13 | 18..21));
        is_ink && (10..150).contains(&x)
    }));
    all
}

fn drawing(width: usize, height: usize, size: u8, is_dark: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let mut bits = vec![0_u8; (width * height).div_ceil(8)];
    for index in 0..width * height {
        if is_dark(index % width, index / width) {
            bits[index / 8] |= 0x80 >> (index % 8);
        }
    }
    [b"BITS".as_slice(), &[width as u8, size - 1], &bits].concat()
}

fn file(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).expect("an encoder that takes this picture");
    file.into_inner()
}

fn jpeg(image: &DynamicImage) -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 80).encode_image(image).expect("an encoder that takes this picture");
    file
}

fn animation(image: &DynamicImage) -> Vec<u8> {
    let mut file = Vec::new();
    let frames = [Frame::new(image.to_rgba8()), Frame::new(image.flipv().to_rgba8())];
    GifEncoder::new(&mut file).encode_frames(frames).expect("an encoder that takes these frames");
    file
}

/// EXIF with a maker, an orientation, and a place.
fn exif(orientation: u8) -> Vec<u8> {
    let entry = |tag: u16, sort: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &sort.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let (maker, gps) = (50, 56);
    let mut bytes = b"II*\0\x08\0\0\0\x03\0".to_vec();
    bytes.extend(entry(0x010F, 2, 6, maker));
    bytes.extend(entry(0x0112, 3, 1, u32::from(orientation)));
    bytes.extend(entry(0x8825, 4, 1, gps));
    bytes.extend(b"\0\0\0\0Maker\0\x03\0");
    bytes.extend(entry(1, 2, 2, u32::from(b'N')));
    bytes.extend(entry(2, 5, 3, gps + 42));
    bytes.extend(entry(4, 5, 3, gps + 42));
    bytes.extend([0; 4]);
    bytes.extend([48, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 59, 1, 0, 0, 10, 0, 0, 0]);
    bytes
}

/// A JPEG with a segment behind its first marker.
fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = (body.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, marker, high, low], body, &jpeg[2..]].concat()
}

/// A PNG with a chunk behind its header, whose sum nobody checks here.
fn with_chunk(png: &[u8], name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&png[..33], &(body.len() as u32).to_be_bytes(), name, body, &[0; 4], &png[33..]].concat()
}

/// A WebP of 24x16 pixels with EXIF.
fn with_webp_exif(webp: &[u8]) -> Vec<u8> {
    let exif = exif(6);
    let head = b"WEBPVP8X\x0a\0\0\0\x08\0\0\0\x17\0\0\x0f\0\0";
    let chunk = [b"EXIF".as_slice(), &(exif.len() as u32).to_le_bytes(), &exif].concat();
    let riff = [head, &webp[12..], &chunk].concat();
    [b"RIFF".as_slice(), &(riff.len() as u32).to_le_bytes(), &riff].concat()
}
