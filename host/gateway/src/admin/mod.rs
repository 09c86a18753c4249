//! The administration socket: a Unix socket in the state directory on which the daemon answers its own user, and the
//! client of it. The answers are in `answers`.

mod client;
mod server;

use std::io;
use std::path::{Path, PathBuf};

pub(crate) use client::{AdminError, Client};
pub(crate) use server::{Admin, listen, router};

/// Its name in the state directory.
const SOCKET_FILE: &str = "admin.sock";
/// Bytes of a socket's path that every Unix takes, its end included.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// A path by which the socket can be bound or connected to, however deep the state directory is.
struct SocketPath {
    path: PathBuf,
    /// Keeps the short way open.
    _directory: Option<std::fs::File>,
}

impl SocketPath {
    fn of(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(SOCKET_FILE);
        if path.as_os_str().len() < SOCKET_PATH_BYTES_MAX {
            return Ok(Self { path, _directory: None });
        }
        let directory = std::fs::File::open(state_dir)?;
        let number = std::os::fd::AsRawFd::as_raw_fd(&directory);
        let path = PathBuf::from(format!("/proc/self/fd/{number}")).join(SOCKET_FILE);
        Ok(Self { path, _directory: Some(directory) })
    }
}
