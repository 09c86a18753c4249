//! One request to a program on this machine, blocking, over a connection of its own: for set-up and checks. Load is not
//! made here.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::LoadError;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// Its status.
    pub(crate) status: u16,
    /// Everything after the head, the frames of a chunked body with it.
    pub(crate) body: String,
}

/// Gets a path.
///
/// # Errors
///
/// [`LoadError::Ask`] where there is no answer.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<Answered, LoadError> {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"))
}

/// Posts JSON to a path.
///
/// # Errors
///
/// [`LoadError::Ask`] where there is no answer.
pub(crate) fn post(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, String)],
    body: &str,
) -> Result<Answered, LoadError> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n{headers}\r\n"
    );
    exchange(address, &(head + body))
}

fn exchange(address: SocketAddr, request: &str) -> Result<Answered, LoadError> {
    let exchanged = || -> io::Result<Answered> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        read(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::ErrorKind::InvalidData.into())
    };
    exchanged().map_err(|source| LoadError::Ask { address: address.to_string(), source })
}

fn read(answer: &str) -> Option<Answered> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answered { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_status_and_body() {
        let answer = Answered { status: 404, body: "no".to_owned() };
        assert_eq!(read("HTTP/1.1 404 Not Found\r\nx: y\r\n\r\nno"), Some(answer));
        assert_eq!(read("HTTP/1.1 404 Not Found\r\n"), None);
        assert_eq!(read("hello\r\n\r\n"), None);
    }
}
