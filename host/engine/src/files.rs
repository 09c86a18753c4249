//! `wasi:filesystem` as a plugin gets it: the library's, whose permissions keep `/media` read-only, with rules of our
//! own for what is written to `/out`. Plain files alone, and no more than the quota; where they lie is not known here.
//!
//! What the library would allow in a writable directory and `/out` does not: directories, symbolic and hard links, and
//! times (attacks 107, 109, 121). A name goes from one writable directory to another only, so never between `/media`
//! and `/out`.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::FsPerms;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode as Code;
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode, Host,
    HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::bindings::sync::io::streams::{Error, InputStream, OutputStream};
use wasmtime_wasi::p2::{DynOutputStream, FsError, FsResult};

use crate::guest::CallState;
use crate::out::{Denied, OutStream, OverQuota, Quota};

/// Stands for [`FilesView`] where functions are linked.
pub(crate) struct Files;

impl HasData for Files {
    type Data<'a> = FilesView<'a>;
}

/// The files of one call.
pub(crate) struct FilesView<'a> {
    library: WasiFilesystemCtxView<'a>,
    quota: Arc<Quota>,
}

impl FilesView<'_> {
    pub(crate) fn of(state: &mut CallState) -> FilesView<'_> {
        let quota = Arc::clone(state.quota());
        FilesView { library: state.filesystem(), quota }
    }

    /// The file behind a descriptor that may be written to.
    fn writable(&self, fd: &Resource<Descriptor>) -> FsResult<Arc<std::fs::File>> {
        match self.library.table.get(fd)? {
            Descriptor::File(file) if file.perms == FsPerms::ReadWrite => Ok(Arc::clone(&file.file)),
            Descriptor::File(_) => Err(Code::NotPermitted.into()),
            Descriptor::Dir(_) => Err(Code::BadDescriptor.into()),
        }
    }

    /// Whether it is a directory that may be written to.
    fn is_out(&self, fd: &Resource<Descriptor>) -> FsResult<bool> {
        Ok(matches!(self.library.table.get(fd)?, Descriptor::Dir(dir) if dir.perms == FsPerms::ReadWrite))
    }

    fn stream(&mut self, file: Arc<std::fs::File>, offset: Option<u64>) -> FsResult<Resource<OutputStream>> {
        let stream: DynOutputStream = Box::new(OutStream::new(file, offset, Arc::clone(&self.quota)));
        Ok(self.library.table.push(stream)?)
    }
}

/// The same descriptor once more.
fn again(fd: &Resource<Descriptor>) -> Resource<Descriptor> {
    Resource::new_borrow(fd.rep())
}

fn refused<T>() -> FsResult<T> {
    Err(Code::NotPermitted.into())
}

fn denied(denied: Denied) -> FsError {
    match denied {
        Denied::Quota(_) => Code::Quota.into(),
        Denied::Io(error) => error.into(),
    }
}

impl Host for FilesView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.library.convert_error_code(error)
    }

    fn filesystem_error_code(&mut self, error: Resource<Error>) -> wasmtime::Result<Option<ErrorCode>> {
        if self.library.table.get(&error)?.downcast_ref::<OverQuota>().is_some() {
            return Ok(Some(ErrorCode::Quota));
        }
        self.library.filesystem_error_code(error)
    }
}

impl HostDescriptor for FilesView<'_> {
    fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let may_make = open_flags.contains(OpenFlags::CREATE) && self.is_out(&fd)?;
        let makes = may_make && self.library.stat_at(again(&fd), PathFlags::empty(), path.clone()).is_err();
        if makes {
            self.quota.may_make_file().map_err(|_| Code::Quota)?;
        }
        let opened = self.library.open_at(fd, path_flags, path, open_flags, flags)?;
        if makes {
            self.quota.made_file();
        }
        Ok(opened)
    }

    fn write(&mut self, fd: Resource<Descriptor>, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        let file = self.writable(&fd)?;
        self.quota.write(&file, offset, bytes.len() as u64).map_err(denied)?;
        self.library.write(fd, bytes, offset)
    }

    fn set_size(&mut self, fd: Resource<Descriptor>, size: u64) -> FsResult<()> {
        let file = self.writable(&fd)?;
        self.quota.resize(&file, size).map_err(denied)?;
        self.library.set_size(fd, size)
    }

    fn write_via_stream(&mut self, fd: Resource<Descriptor>, offset: u64) -> FsResult<Resource<OutputStream>> {
        let file = self.writable(&fd)?;
        self.stream(file, Some(offset))
    }

    fn append_via_stream(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<OutputStream>> {
        let file = self.writable(&fd)?;
        self.stream(file, None)
    }

    fn create_directory_at(&mut self, _: Resource<Descriptor>, _: String) -> FsResult<()> {
        refused()
    }

    fn remove_directory_at(&mut self, _: Resource<Descriptor>, _: String) -> FsResult<()> {
        refused()
    }

    fn link_at(
        &mut self,
        _: Resource<Descriptor>,
        _: PathFlags,
        _: String,
        _: Resource<Descriptor>,
        _: String,
    ) -> FsResult<()> {
        refused()
    }

    fn symlink_at(&mut self, _: Resource<Descriptor>, _: String, _: String) -> FsResult<()> {
        refused()
    }

    fn set_times(&mut self, _: Resource<Descriptor>, _: NewTimestamp, _: NewTimestamp) -> FsResult<()> {
        refused()
    }

    fn set_times_at(
        &mut self,
        _: Resource<Descriptor>,
        _: PathFlags,
        _: String,
        _: NewTimestamp,
        _: NewTimestamp,
    ) -> FsResult<()> {
        refused()
    }

    fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        self.library.rename_at(fd, path, new_fd, new_path)
    }

    fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.library.unlink_file_at(fd, path)
    }

    fn read_via_stream(&mut self, fd: Resource<Descriptor>, offset: u64) -> FsResult<Resource<InputStream>> {
        self.library.read_via_stream(fd, offset)
    }

    fn read(&mut self, fd: Resource<Descriptor>, length: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        self.library.read(fd, length, offset)
    }

    fn read_directory(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<DirectoryEntryStream>> {
        self.library.read_directory(fd)
    }

    fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        self.library.readlink_at(fd, path)
    }

    fn advise(&mut self, fd: Resource<Descriptor>, offset: u64, length: u64, advice: Advice) -> FsResult<()> {
        self.library.advise(fd, offset, length, advice)
    }

    fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.library.sync(fd)
    }

    fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.library.sync_data(fd)
    }

    fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.library.get_flags(fd)
    }

    fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.library.get_type(fd)
    }

    fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.library.stat(fd)
    }

    fn stat_at(&mut self, fd: Resource<Descriptor>, flags: PathFlags, path: String) -> FsResult<DescriptorStat> {
        self.library.stat_at(fd, flags, path)
    }

    fn is_same_object(&mut self, one: Resource<Descriptor>, other: Resource<Descriptor>) -> wasmtime::Result<bool> {
        self.library.is_same_object(one, other)
    }

    fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.library.metadata_hash(fd)
    }

    fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.library.metadata_hash_at(fd, flags, path)
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        HostDescriptor::drop(&mut self.library, fd)
    }
}

impl HostDirectoryEntryStream for FilesView<'_> {
    fn read_directory_entry(&mut self, stream: Resource<DirectoryEntryStream>) -> FsResult<Option<DirectoryEntry>> {
        self.library.read_directory_entry(stream)
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        HostDirectoryEntryStream::drop(&mut self.library, stream)
    }
}
