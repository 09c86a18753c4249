//! How much one call may write to `/out`, and the streams that write there. What may be done there at all is in
//! `files`.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use creel_policy::limits::{OUT_BYTES_MAX, OUT_FILES_MAX};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::fault::FaultKind;

/// Bytes that a stream takes at once.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// A rule of `/out` that a plugin passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OverQuota {
    #[error("no more than {OUT_BYTES_MAX} bytes are written to `/out`")]
    Bytes,
    #[error("no more than {OUT_FILES_MAX} files are made in `/out`")]
    Files,
}

impl From<OverQuota> for FaultKind {
    fn from(over: OverQuota) -> Self {
        match over {
            OverQuota::Bytes => Self::OutBytes { max: OUT_BYTES_MAX },
            OverQuota::Files => Self::OutFiles { max: OUT_FILES_MAX },
        }
    }
}

/// What one call has written to `/out`. Nothing is given back: what was removed or overwritten was written too.
#[derive(Debug, Default)]
pub(crate) struct Quota(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    bytes: u64,
    files: usize,
    passed: Option<OverQuota>,
}

impl Quota {
    /// The first rule that was passed, if any.
    pub(crate) fn passed(&self) -> Option<OverQuota> {
        self.lock().passed
    }

    /// Takes note of bytes that are about to be written at an offset of a file. What lies between its end and the
    /// offset counts with them: a sparse file is as long as it says (attack 121).
    pub(crate) fn write(&self, file: &File, offset: u64, bytes: u64) -> Result<(), Denied> {
        let gap = offset.saturating_sub(length(file)?);
        Ok(self.spend(gap.saturating_add(bytes))?)
    }

    /// Takes note of a file's new length.
    pub(crate) fn resize(&self, file: &File, size: u64) -> Result<(), Denied> {
        Ok(self.spend(size.saturating_sub(length(file)?))?)
    }

    /// Whether one more file may be made.
    pub(crate) fn may_make_file(&self) -> Result<(), OverQuota> {
        let mut spent = self.lock();
        if spent.files < OUT_FILES_MAX {
            return Ok(());
        }
        Err(*spent.passed.insert(OverQuota::Files))
    }

    /// Takes note of a file that was made.
    pub(crate) fn made_file(&self) {
        self.lock().files += 1;
    }

    fn spend(&self, bytes: u64) -> Result<(), OverQuota> {
        let mut spent = self.lock();
        let total = spent.bytes.saturating_add(bytes);
        if total > OUT_BYTES_MAX {
            return Err(*spent.passed.insert(OverQuota::Bytes));
        }
        spent.bytes = total;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why something is not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Denied {
    #[error(transparent)]
    Quota(#[from] OverQuota),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

fn length(file: &File) -> std::io::Result<u64> {
    file.metadata().map(|metadata| metadata.len())
}

/// Writes to a file of `/out`, on the thread of the plugin: when the plugin is done, nothing is on its way any more.
pub(crate) struct OutStream {
    pub(crate) file: Arc<File>,
    /// Where the next bytes go; `None`: to the end.
    pub(crate) offset: Option<u64>,
    pub(crate) quota: Arc<Quota>,
    closed: bool,
}

impl OutStream {
    pub(crate) fn new(file: Arc<File>, offset: Option<u64>, quota: Arc<Quota>) -> Self {
        Self { file, offset, quota, closed: false }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Denied> {
        let offset = match self.offset {
            Some(offset) => offset,
            None => length(&self.file)?,
        };
        self.quota.write(&self.file, offset, bytes.len() as u64)?;
        self.file.write_all_at(bytes, offset)?;
        self.offset = self.offset.map(|offset| offset.saturating_add(bytes.len() as u64));
        Ok(())
    }

    fn open(&self) -> StreamResult<()> {
        if self.closed { Err(StreamError::Closed) } else { Ok(()) }
    }
}

impl OutputStream for OutStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.open()?;
        self.put(&bytes).map_err(|denied| {
            self.closed = true;
            // As they are, for whoever asks for the code of the error.
            StreamError::LastOperationFailed(match denied {
                Denied::Quota(over) => over.into(),
                Denied::Io(error) => error.into(),
            })
        })
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.open()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.open().map(|()| PIECE_BYTES_MAX)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for OutStream {
    async fn ready(&mut self) {}
}
