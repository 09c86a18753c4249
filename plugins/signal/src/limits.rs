//! The bounds of what is taken from the daemon, each with its reason.

/// Bytes of an attachment that is fetched through JSON-RPC. It passes through the plugin's memory, of which there are
/// 64 MiB, and a buffer that grows is held twice for a moment; larger ones need `attachmentsDir`.
pub(crate) const RPC_ATTACHMENT_BYTES_MAX: usize = 24 * 1024 * 1024;

/// Bytes of a JSON-RPC reply apart from the attachment in it: a group has at most 1,000 members, each with a result of
/// some 150 bytes.
pub(crate) const REPLY_BYTES_MAX: usize = 512 * 1024;

/// Milliseconds without a byte after which the event stream counts as dead: the daemon sends a comment every 15 s, and
/// a connection that broke without a word would otherwise be listened to for ever.
pub(crate) const SILENCE_MS_MAX: u32 = 45_000;

/// The first pause before another connection.
pub(crate) const RECONNECT_MS_MIN: u32 = 1_000;

/// The longest pause before another connection.
pub(crate) const RECONNECT_MS_MAX: u32 = 60_000;

/// Attachments of one message that are taken; Signal's own clients send at most 32.
pub(crate) const ATTACHMENTS_MAX: usize = 32;

/// Characters of a name that a sender gave.
pub(crate) const NAME_CHARS_MAX: usize = 100;
