//! The handle to all that is stored, and the one SQLite database in it. What the tables mean is said beside the types
//! that live in them; only opening, migrating and transactions are here.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use cap_std::fs::{Dir, MetadataExt as _};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::beneath::{self, NoFile};
use crate::limits::{DATABASE_LOG_BYTES_MAX, DATABASE_WAIT_MS_MAX};
use crate::media::{MediaDirs, MediaPolicy, clear_partials};
use crate::state::{StateError, StateLock, StateRoot, explain};

/// All that is stored. Cheap to clone; every clone means the same store. Calls wait for the disk: an async caller
/// runs them where waiting is allowed.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What must not be lost: on disk when a call returns.
    durable: Mutex<Connection>,
    /// The audit log: ordered, and on disk within moments, so that a request does not wait for the disk twice.
    prompt: Mutex<Connection>,
    /// Held while a file of the older gateway becomes a medium, so that two readers do not both do it.
    adopting: Mutex<()>,
    /// How media are kept; a reload replaces it.
    keeping: RwLock<MediaPolicy>,
    root: StateRoot,
    media: RwLock<Arc<MediaDirs>>,
    views: Dir,
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A directory or file of the store.
    #[error("the store could not be opened")]
    State(#[from] StateError),
    /// A newer creel has written it.
    #[error("the database has form {found}, and this creel knows forms up to {known}")]
    Newer {
        /// The form on disk.
        found: usize,
        /// The last form that this program knows.
        known: usize,
    },
    /// SQLite said no.
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    /// A row holds what this program never writes.
    #[error("the database holds an unreadable {what}")]
    Corrupt {
        /// What could not be read, and where.
        what: String,
    },
    /// The operating system said no.
    #[error("could not {deed}")]
    Io {
        /// What was being done.
        deed: &'static str,
        /// What it said.
        source: io::Error,
    },
}

const DATABASE_FILE: &str = "creel.db";
/// The database and its companions, as SQLite names them.
const DATABASE_FILES: [&str; 3] = [DATABASE_FILE, "creel.db-wal", "creel.db-shm"];

/// Forms of the database, oldest first; the place in the list, from 1, is the number of the form.
const FORMS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];

impl Store {
    /// Opens the store of a state directory, made where it is not there yet. Several processes may have it open.
    ///
    /// # Errors
    ///
    /// [`StoreError`], e.g. [`StoreError::Newer`] for a database that a newer program has written.
    pub fn open(root: &StateRoot) -> Result<Self, StoreError> {
        let media = RwLock::new(Arc::new(MediaDirs::open(root)?));
        let views = root.open_private_dir(root.dir(), "views")?;
        create_database_file(root.dir())?;
        let mut durable = connect(root, "FULL")?;
        migrate(&mut durable, FORMS)?;
        let prompt = connect(root, "NORMAL")?;
        let root = root.try_clone().map_err(|source| StoreError::Io { deed: "hold the state directory", source })?;
        Ok(Self(Arc::new(Inner {
            durable: Mutex::new(durable),
            prompt: Mutex::new(prompt),
            adopting: Mutex::new(()),
            keeping: RwLock::default(),
            root,
            media,
            views,
        })))
    }

    /// Removes what a daemon that ended in the middle of things has left behind: half-written media, media that were
    /// stored and never acknowledged, and views. Files that somebody else put into an area stay. Only the one daemon
    /// may, since to anybody else these could be in use. Says how many there were.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`], [`StoreError::Database`].
    pub fn clear_leftovers(&self, _lock: &StateLock) -> Result<usize, StoreError> {
        let clear = || {
            let mut removed = 0;
            removed += beneath::remove_partials(self.0.root.dir())?;
            for area in self.areas()? {
                // One that is gone by now holds nothing.
                if let Ok(dir) = self.area(&area) {
                    removed += clear_partials(&dir)?;
                }
            }
            for entry in self.0.views.entries()? {
                let entry = entry?;
                match entry.file_type()?.is_dir() {
                    true => self.0.views.remove_dir_all(entry.file_name())?,
                    false => self.0.views.remove_file(entry.file_name())?,
                }
                removed += 1;
            }
            Ok(removed)
        };
        let deed = "clear what an earlier daemon left behind";
        let removed = clear().map_err(|source| StoreError::Io { deed, source })?;
        Ok(removed + self.media_forget_unclaimed()?)
    }

    pub(crate) fn root(&self) -> &StateRoot {
        &self.0.root
    }

    /// The directories that media lie in. Those that were removed are made anew: whoever cleans up by hand does not keep
    /// the next medium from being stored (case L13).
    pub(crate) fn media_dirs(&self) -> Arc<MediaDirs> {
        let held = Arc::clone(&self.0.media.read().unwrap_or_else(PoisonError::into_inner));
        if held.are_there() {
            return held;
        }
        match MediaDirs::open(&self.0.root) {
            Ok(made) => {
                let made = Arc::new(made);
                *self.0.media.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&made);
                made
            }
            // Whoever uses the old ones hears that nothing is there.
            Err(_) => held,
        }
    }

    pub(crate) fn views(&self) -> &Dir {
        &self.0.views
    }

    pub(crate) fn keeping(&self) -> &RwLock<MediaPolicy> {
        &self.0.keeping
    }

    pub(crate) fn adopting(&self) -> MutexGuard<'_, ()> {
        self.0.adopting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in a transaction that is on disk when this returns, or has not happened.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        transact(&self.0.durable, TransactionBehavior::Immediate, work)
    }

    /// Runs `work`, which only reads, on one state of the database.
    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        transact(&self.0.durable, TransactionBehavior::Deferred, work)
    }

    /// As [`Self::write`], but on disk only within moments.
    pub(crate) fn write_soon<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        transact(&self.0.prompt, TransactionBehavior::Immediate, work)
    }
}

/// A number as SQLite holds it.
pub(crate) fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Corrupt { what: format!("number {number}") })
}

/// A number that came out of SQLite.
pub(crate) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Corrupt { what: format!("number {number}") })
}

/// A count of rows, for `LIMIT`.
pub(crate) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn transact<T, E: From<StoreError>>(
    connection: &Mutex<Connection>,
    behavior: TransactionBehavior,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    // A panic in `work` rolls its transaction back, so that the connection behind a poisoned lock is sound.
    let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    let transaction = connection.transaction_with_behavior(behavior).map_err(StoreError::from)?;
    let done = work(&transaction)?;
    transaction.commit().map_err(StoreError::from)?;
    Ok(done)
}

/// Makes the file with mode 0600 before SQLite would make it for everybody to read; SQLite gives its companions the
/// same mode. Those that are there already, e.g. from a backup, are made ours alone, and a symbolic link is none of them.
fn create_database_file(dir: &Dir) -> Result<(), StoreError> {
    match beneath::create_file(dir, DATABASE_FILE, 0o600) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(source) => return Err(StoreError::Io { deed: "create the database", source }),
    }
    for name in DATABASE_FILES {
        match beneath::open_file(dir, name) {
            Ok((_, metadata)) if metadata.mode() & 0o077 == 0 => {}
            Ok((file, _)) => file
                .set_permissions(Permissions::from_mode(0o600))
                .map_err(|source| StoreError::Io { deed: "keep others from reading the database", source })?,
            Err(NoFile::Missing) if name != DATABASE_FILE => {}
            Err(no) => return Err(StoreError::State(explain(no, "open", name))),
        }
    }
    Ok(())
}

fn connect(root: &StateRoot, synchronous: &str) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(root.display_path().join(DATABASE_FILE), flags)?;
    connection.busy_timeout(Duration::from_millis(DATABASE_WAIT_MS_MAX))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "journal_size_limit", DATABASE_LOG_BYTES_MAX)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Brings the database to the last of `forms`, all of the way or not at all.
fn migrate(connection: &mut Connection, forms: &[&str]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT")?;
    let found: i64 =
        transaction.query_row("SELECT coalesce(max(version), 0) FROM schema_version", [], |row| row.get(0))?;
    let found = usize::try_from(found).map_err(|_| StoreError::Corrupt { what: "schema version".to_owned() })?;
    let Some(missing) = forms.get(found..) else {
        return Err(StoreError::Newer { found, known: forms.len() });
    };
    for (form, number) in missing.iter().zip(found + 1..) {
        transaction.execute_batch(form)?;
        transaction.execute("INSERT INTO schema_version (version) VALUES (?1)", [limit(number)])?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
