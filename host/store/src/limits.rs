//! The bounds that belong to disk alone, each with its reason. What a request or a plugin is bound by stands in
//! `creel_policy::limits`.

/// Milliseconds that a medium may be stored without anybody having named it, before a sweep may take it: between the two
/// lie the other attachments of its message, or the rest of a model's answer with all its tries.
pub(crate) const UNCLAIMED_MS_MAX: u64 = 3_600_000;
/// Milliseconds after which a half-written file is taken for one that nobody writes any more, where its writer cannot be
/// asked: no transfer of a medium takes a day.
pub(crate) const PARTIAL_MS_MAX: u64 = 86_400_000;
/// Bytes that are written between two looks at what room an area has, so that media that are written at once do not each
/// fill what was left.
pub(crate) const ROOM_BYTES: u64 = 8 << 20;
/// Characters of a content type that a sender claims: the longest of the registry has some eighty.
pub(crate) const DECLARED_TYPE_CHARS_MAX: usize = 127;
/// Media that are looked at, removed or listed in one transaction; others that write wait no longer than that takes.
pub(crate) const MEDIA_AT_ONCE_MAX: usize = 256;
/// Characters of the name that a sender gave: it is for display, and a file name has no more.
pub(crate) const MEDIA_NAME_CHARS_MAX: usize = 255;
/// Bytes from the front of a medium that its type is read from; the window of the older gateway.
pub(crate) const SNIFF_BYTES_MAX: usize = 16 << 10;
/// Bytes from the front of a picture in which its size must stand: 64 KiB segments of camera data come before it.
pub(crate) const DIMENSION_BYTES_MAX: u64 = 1 << 20;
/// Media of one view: those of one request.
pub(crate) const VIEW_MEDIA_MAX: usize = 256;
/// Bytes of a relative name in a granted directory.
pub(crate) const INGEST_NAME_BYTES_MAX: usize = 1024;
/// Bytes of a network's identity of a message, of a session key, and of the like.
pub(crate) const KEY_BYTES_MAX: usize = 1024;
/// Bytes of what a channel says about sender, conversation or one attachment, as JSON.
pub(crate) const CHANNEL_JSON_BYTES_MAX: usize = 16 << 10;
/// Bytes of a text that says what went wrong, kept for the operator.
pub(crate) const REASON_BYTES_MAX: usize = 2 << 10;
/// Records of the audit log; some 20 MB. Older ones go.
pub(crate) const AUDIT_RECORDS_MAX: i64 = 100_000;
/// Bytes of one field of an audit record.
pub(crate) const AUDIT_FIELD_BYTES_MAX: usize = 1 << 10;
/// Days that an agent's use is kept for: a year and the month that it is looked back from.
pub(crate) const AGENT_USAGE_DAYS_MAX: u64 = 400;
/// Bytes of a secret; the longest signed tokens stay below, and servers take no longer header.
pub(crate) const SECRET_BYTES_MAX: usize = 8 << 10;
/// Bytes of the vault: it is read and written as a whole, and some hundreds of secrets are far below.
pub(crate) const VAULT_BYTES_MAX: u64 = 4 << 20;
/// Bytes of one thing that Creel itself keeps in the vault: the tokens of one account, as JSON.
pub(crate) const VAULT_KEPT_BYTES_MAX: usize = 64 << 10;
/// Bytes of the file of the vault's key: two keys while it is rotated, and room for a comment of nobody's.
pub(crate) const VAULT_KEY_BYTES_MAX: u64 = 1 << 10;
/// Milliseconds to wait for another process that has the vault. A passphrase takes it a second, a keyring may ask.
pub(crate) const VAULT_WAIT_MS_MAX: u64 = 30_000;
/// Milliseconds for the keyring to answer: it may have to ask somebody to unlock it.
pub(crate) const KEYRING_MS_MAX: u64 = 30_000;
/// Threads that may wait for a file system that does not answer; no more are started until some come back.
pub(crate) const STUCK_THREADS_MAX: usize = 32;
/// Milliseconds to wait for another process that writes to the database (a command of the operator's).
pub(crate) const DATABASE_WAIT_MS_MAX: u64 = 10_000;
/// Bytes that the database's log keeps on disk once it is taken over; one large transaction would else hold its size for
/// ever.
pub(crate) const DATABASE_LOG_BYTES_MAX: i64 = 16 << 20;

/// Cuts a text to `bytes_max` at a character boundary.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
