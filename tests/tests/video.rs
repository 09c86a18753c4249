//! A medium of the largest size goes from a server into the store and from there into requests, every byte of it, and
//! neither the plugin nor the host holds more of it than a piece. A process of its own, since its memory is measured.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_policy::media::MediaRef;
use creel_tests::rig::{Rig, saying};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Bytes that the host's memory may grow by, however large the medium is.
const HOST_BYTES_MAX: u64 = 16 << 20;
/// Bytes of the video that are made, sent and received at once; a multiple of three.
const PIECE_BYTES: u64 = 3 << 16;

/// Some bytes of a video, made from where they stand.
fn piece(at: u64, bytes: u64) -> Vec<u8> {
    let byte = |position: u64| match position {
        0..12 => b"\0\0\0\x18ftypmp42"[usize::try_from(position).unwrap_or_default()],
        _ => u8::try_from((position ^ (position >> 9)) % 251).unwrap_or_default(),
    };
    (at..at + bytes).map(byte).collect()
}

/// The video, piece by piece.
fn pieces(size: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..size.div_ceil(PIECE_BYTES)).map(move |n| piece(n * PIECE_BYTES, PIECE_BYTES.min(size - n * PIECE_BYTES)))
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Length and hash of what a server should get.
fn expected(head: &str, size: u64, encode: impl Fn(&[u8]) -> Vec<u8>, tail: &str) -> String {
    let (mut length, mut hasher) = (0, Sha256::new());
    let encoded = pieces(size).map(|piece| encode(&piece));
    for bytes in [head.into()].into_iter().chain(encoded).chain([tail.into()]) {
        length += bytes.len();
        hasher.update(&bytes);
    }
    format!("{length} {}", hex(hasher))
}

/// A server whose `GET` is answered with the video, and whose `POST` with length and hash of what came.
async fn server(size: u64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { serve(stream, size).await.expect("an exchange") });
        }
    });
    address
}

async fn serve(stream: TcpStream, size: u64) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut method, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        method.get_or_insert_with(|| line.split(' ').next().unwrap_or_default().to_owned());
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().map_err(std::io::Error::other)?;
        }
    }
    if method.as_deref() == Some("GET") {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        for piece in pieces(size) {
            stream.write_all(&piece).await?;
        }
        return stream.shutdown().await;
    }
    let (mut left, mut hasher, mut buffer) = (length, Sha256::new(), vec![0; 64 << 10]);
    while left > 0 {
        let take = usize::try_from(left).unwrap_or(buffer.len()).min(buffer.len());
        let count = stream.read(&mut buffer[..take]).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(&buffer[..count]);
        left -= count as u64;
    }
    let told = format!("{length} {}", hex(hasher));
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{told}", told.len());
    stream.write_all(head.as_bytes()).await?;
    stream.shutdown().await
}

/// A line of what the kernel says of this process, in bytes.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it tells this too");
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().expect("a number") << 10
}

/// What the asker tells, a line a wish; the first and the last are its memory, which is the same.
async fn asks(rig: &Rig, address: SocketAddr, media: &[creel_store::media::Medium], wishes: &[Value]) -> Vec<String> {
    let wishes = [&[json!("memory")], wishes, &[json!("memory")]].concat();
    let setup = rig.call("asker").setting("baseUrl", format!("http://{address}")).media(media);
    let told = setup.told(saying(&json!(wishes).to_string())).await;
    let mut lines: Vec<String> = told.lines().map(str::to_owned).collect();
    let last = lines.pop().expect("a line");
    assert!(!lines.is_empty() && lines.remove(0) == last, "the plugin has grown: {told}");
    lines
}

/// Fetches a video and sends it on in both forms; its memory is told by the process.
async fn round_trip(rig: &Rig, size: u64) {
    let address = server(size).await;
    let get = json!({"method": "GET", "endpoint": "api", "path": "/allowed"});
    let told = asks(rig, address, &[], &[json!({"fetch": get})]).await;
    let [uri, content_type, bytes] = told[0].split(' ').collect::<Vec<_>>()[..] else { unexpected(&told[0]) };
    assert_eq!((content_type, bytes), ("video/mp4", size.to_string().as_str()));
    let media = MediaRef::parse(uri).expect("it is the name of a medium");
    let medium = rig.store.medium(&media).expect("it is stored");
    let raw = expected("", size, |piece| piece.to_vec(), "");
    assert_eq!(format!("{size} {}", medium.sha256), raw);
    let post =
        |body: Value| json!({"send": {"method": "POST", "endpoint": "api", "path": "/allowed/it", "body": body}});
    let wishes =
        [post(json!([{"text": "{\"data\":\""}, {"base64": uri}, {"text": "\"}"}])), post(json!([{"raw": uri}]))];
    let told = asks(rig, address, &[medium], &wishes).await;
    let base64 = expected("{\"data\":\"", size, |piece| STANDARD.encode(piece).into(), "\"}");
    assert_eq!(told, [format!("200: {base64}"), format!("200: {raw}")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_video_of_the_largest_size_passes_whole_and_nobody_holds_it() {
    let rig = Rig::new();
    // Threads, connections and the plugin have been there before it is measured.
    round_trip(&rig, 8 << 20).await;
    // Makes the peak what is held now.
    std::fs::write("/proc/self/clear_refs", "5").expect("a process may forget its own peak");
    let before = memory("VmRSS:");
    round_trip(&rig, MEDIUM_BYTES_MAX).await;
    let grown = memory("VmHWM:").saturating_sub(before);
    eprintln!("the host's memory grew by {} KiB", grown >> 10);
    assert!(grown <= HOST_BYTES_MAX, "the host's memory grew by {grown} bytes");
}

#[expect(clippy::panic, reason = "the test has failed")]
fn unexpected(what: &str) -> ! {
    panic!("{what}")
}
