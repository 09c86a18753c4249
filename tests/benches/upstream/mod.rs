//! The smallest server that answers like the Messages API: one canned stream, each event in a write of its own, on a
//! thread of its own. It looks at nothing but the length of a request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// Events with text in the answer.
pub(crate) const CHUNKS: usize = 20;

/// Starts it; it ends with the process.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port can be bound");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a client connects");
            // A client that hangs up ends its thread.
            std::thread::spawn(move || drop(serve(&stream)));
        }
    });
    address
}

fn serve(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let answer = answer();
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
        }
        std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
        for piece in &answer {
            (&mut &*stream).write_all(piece)?;
        }
    }
}

/// Head and chunks, as they are written.
fn answer() -> Vec<Vec<u8>> {
    let event = |name: &str, data: &str| {
        let text = format!("event: {name}\ndata: {data}\n\n");
        format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
    };
    let start = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[],"stop_reason":null,"usage":{"input_tokens":10,"output_tokens":1}}}"#;
    let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    let delta =
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" the capital of France is"}}"#;
    let stop = r#"{"type":"content_block_stop","index":0}"#;
    let end = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":120}}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut pieces = vec![head.into(), event("message_start", start), event("content_block_start", block)];
    pieces.extend((0..CHUNKS).map(|_| event("content_block_delta", delta)));
    pieces.push(event("content_block_stop", stop));
    pieces.push(event("message_delta", end));
    pieces.push(event("message_stop", r#"{"type":"message_stop"}"#));
    pieces.push(b"0\r\n\r\n".to_vec());
    pieces
}
