//! Every bound of Creel, each a named constant with its reason. A bound that is not here does not exist.

/// Bytes of linear memory of one call, over all memories. A chat plugin uses 2 MiB.
pub const MEMORY_BYTES_MAX: usize = 64 << 20;
/// Bytes of linear memory of one call of a plugin that reads media: a picture of 48 megapixels has 192 MB once it is
/// decoded, and its file lies beside.
pub const MEDIA_MEMORY_BYTES_MAX: usize = 256 << 20;
/// Bytes that one call writes to `/out`, whatever is overwritten: the largest medium, and something on the way to it.
pub const OUT_BYTES_MAX: u64 = 128 << 20;
/// Files that one call makes in `/out`: an answer has a handful, and each becomes a medium.
pub const OUT_FILES_MAX: usize = 64;
/// Table elements of one call, over all tables. A Rust component has a few hundred, a JavaScript one 9,000.
pub const TABLE_ELEMENTS_MAX: usize = 20_000;
/// Core instances of one call. A component built by wit-component has four or five.
pub const CORE_INSTANCES_MAX: usize = 20;
/// Handles that one call holds in the tables of the component model. A plugin on the SDK has some ten; each costs the host
/// memory that the bound on linear memory does not see.
pub const CALL_HANDLES_MAX: usize = 4_096;
/// Files, directories and streams that a call of a plugin with files holds open: each may be a descriptor of the whole
/// host, which has some thousand, and a plugin reads one picture after the other.
pub const OPEN_FILES_MAX: usize = 64;
/// Milliseconds inside one `start` or `resume`. Honest calls take microseconds; encoding 30 MB takes 300 ms.
pub const CALL_MS_MAX: u64 = 1_000;
/// Milliseconds inside one `start` or `resume` of a plugin that reads media: decoding a large picture takes seconds.
pub const MEDIA_CALL_MS_MAX: u64 = 10_000;
/// Requests under way at once in one call.
pub const REQUESTS_AT_ONCE_MAX: usize = 16;
/// Commands in one step.
pub const STEP_COMMANDS_MAX: usize = 64;
/// Commands in one call that ends; bounds a plugin that asks for cheap things for ever (attack 127).
pub const CALL_COMMANDS_MAX: usize = 1_024;
/// Bytes of one request body without its media: the largest that a provider takes (Anthropic: 32 MB).
pub const REQUEST_BYTES_MAX: u64 = 32 << 20;
/// Bytes of one request body with its media.
pub const REQUEST_WITH_MEDIA_BYTES_MAX: u64 = 256 << 20;
/// Headers of one request.
pub const REQUEST_HEADERS_MAX: usize = 64;
/// Headers that an operator's entry adds to requests: more are a mistake, and each is looked for in every response.
pub const ENTRY_HEADERS_MAX: usize = 16;
/// Bytes of all header names and values of one request.
pub const REQUEST_HEADER_BYTES_MAX: usize = 32 << 10;
/// Bytes of a path and query.
pub const PATH_BYTES_MAX: usize = 8 << 10;
/// Bytes of one chunk that a plugin is resumed with.
pub const CHUNK_BYTES_MAX: usize = 64 << 10;
/// Bytes of one response that a plugin reads.
pub const RESPONSE_BYTES_MAX: u64 = 64 << 20;
/// Bytes of one medium, however it comes in: the largest document that the older gateway took.
pub const MEDIUM_BYTES_MAX: u64 = 100 << 20;
/// Milliseconds to fetch one medium by its URL, all of it: somebody waits for it.
pub const URL_FETCH_MS_MAX: u64 = 300_000;
/// Pixels of a picture's longer side that a manifest may name as a bound: sixteen times what a JPEG can have.
pub const PICTURE_SIDE_MAX: u64 = 1 << 20;
/// Connections to one server that are kept for the next request: enough for a busy gateway, and few enough that what a rush of
/// thousands has opened does not stay in memory.
pub const IDLE_CONNECTIONS_PER_SERVER_MAX: usize = 128;
/// Milliseconds to connect, TLS included.
pub const CONNECT_MS_MAX: u64 = 10_000;
/// Milliseconds without a byte before a response counts as dead. Reasoning models are silent for a minute.
pub const IDLE_MS_MAX: u64 = 120_000;
/// Milliseconds of one model call, all of it.
pub const MODEL_CALL_MS_MAX: u64 = 600_000;
/// Milliseconds of one `collect` or `deliver` task.
pub const CHANNEL_TASK_MS_MAX: u64 = 120_000;
/// Milliseconds of one `wait`.
pub const WAIT_MS_MAX: u32 = 3_600_000;
/// Bytes of output of one step.
pub const STEP_OUTPUT_BYTES_MAX: usize = 8 << 20;
/// Bytes of one log line of a plugin.
pub const LOG_LINE_BYTES_MAX: usize = 4 << 10;
/// Log lines of one call.
pub const LOG_LINES_MAX: u32 = 1_000;
/// Bytes of a channel's cursor, unless its manifest says less.
pub const CURSOR_BYTES_MAX: usize = 64 << 10;
/// Redirects followed for one request.
pub const REDIRECTS_MAX: usize = 3;
/// Bytes of an attachment's token.
pub const TOKEN_BYTES_MAX: usize = 4 << 10;
/// Attachments of one message.
pub const ATTACHMENTS_MAX: usize = 32;
/// Bytes of the text of one inbound message.
pub const INBOUND_TEXT_BYTES_MAX: usize = 256 << 10;
/// Bytes of one plugin component.
pub const COMPONENT_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a manifest.
pub const MANIFEST_BYTES_MAX: usize = 256 << 10;
/// Bytes of the configuration, and of `auth-profiles.json`.
pub const CONFIG_BYTES_MAX: u64 = 4 << 20;
/// Bytes of a transcript of the older gateway, or of its list of sessions: pictures stand in them as base64.
pub const TRANSCRIPT_BYTES_MAX: u64 = 256 << 20;
/// Live calls over all plugins; each holds an instance of the pool (some 90 KB). Others wait their turn.
pub const LIVE_CALLS_MAX: usize = 4_096;
/// Live calls of one plugin, so that a slow one never takes every place (attack 134): two thousand agents that stream from
/// one provider, and some more.
pub const LIVE_CALLS_PER_PLUGIN_MAX: usize = 2_560;
/// Live calls of one plugin that works on files, each of which may fill its larger memory: together 4 GiB.
pub const FILE_CALLS_PER_PLUGIN_MAX: usize = 16;
/// Milliseconds that a call waits for a place.
pub const PLACE_WAIT_MS_MAX: u64 = 30_000;
/// Milliseconds between two ticks of the epoch clock that bounds the time inside a plugin.
pub const EPOCH_TICK_MS: u64 = 10;
/// Ticks inside a plugin after which an async worker hands its other tasks to another thread.
pub const EPOCH_TICKS_INLINE_MAX: u64 = 2;
/// Milliseconds that a long call waits for another thread to take over, which takes microseconds on an idle machine.
pub const HAND_OVER_MS_MAX: u64 = 100;
/// Tries of one model before the next of the chain.
pub const MODEL_TRIES_MAX: u32 = 3;
/// Milliseconds of a server's `retry-after` that are waited out; a longer one moves on to the next model. The older
/// gateway waits as long.
pub const RETRY_AFTER_MS_MAX: u64 = 60_000;
/// Other profiles that one call tries, whatever failed: far more than a provider has accounts.
pub const PROFILE_ROTATIONS_MAX: u32 = 16;
/// Credentials whose failures are remembered; the one that was used longest ago is forgotten first. A rotated key is
/// another credential, so that a key that is renewed every hour fills this in weeks.
pub const LEDGER_RECORDS_MAX: usize = 1_024;
/// Milliseconds between two times at which it is written down that a credential was used, as long as nothing else is new of
/// it: a busy one is used ten thousand times a second. The order of use is exact while a host runs.
pub const LEDGER_USE_MS: u64 = 30_000;
/// Tries of one delivery; with the growing pause they span some eleven hours.
pub const DELIVERY_TRIES_MAX: u32 = 20;
/// Milliseconds between two tries of a delivery, at most.
pub const DELIVERY_PAUSE_MS_MAX: u64 = 3_600_000;
/// Tries to fetch one attachment.
pub const COLLECT_TRIES_MAX: u32 = 5;
/// Milliseconds between two starts of a listener that failed, at most.
pub const LISTEN_PAUSE_MS_MAX: u64 = 60_000;
/// Turns that run at the same time; each session has at most one.
pub const TURNS_AT_ONCE_MAX: usize = 64;
/// Entries of a session that are replayed to a model, unless the channel says otherwise (`historyLimit`).
pub const HISTORY_ENTRIES_MAX: usize = 50;
/// Bytes of a reply; a model that writes more is cut off.
pub const REPLY_BYTES_MAX: usize = 1 << 20;
/// Bytes of an answer that are held back while they may be the beginning of a credential: the longest token, letter by
/// letter, each in an event of its own.
pub const HELD_BYTES_MAX: usize = 1 << 20;
/// Milliseconds that a shutdown waits for turns before it parks them.
pub const SHUTDOWN_MS_MAX: u64 = 20_000;
/// Milliseconds of one probe of a credential: a list of models takes one second, a cold local model ten.
pub const PROBE_MS_MAX: u64 = 15_000;
/// Probes at once, of everybody who asks; each costs its provider a request.
pub const PROBES_AT_ONCE_MAX: usize = 4;
/// Milliseconds of all probes of one question; somebody waits for them at a terminal.
pub const PROBES_MS_MAX: u64 = 60_000;
/// Milliseconds before its end at which an access token is renewed: a call that begins with it should not outlive it.
pub const RENEW_MARGIN_MS: u64 = 60_000;
/// Milliseconds that renewing an access token may take; a turn waits for it.
pub const RENEWAL_MS_MAX: u64 = 30_000;
/// Bytes of the answer to a renewal: two tokens and a few words.
pub const RENEWAL_BYTES_MAX: usize = 64 * 1_024;
/// Milliseconds before a renewal that failed for a passing reason is tried again.
pub const RENEWAL_PAUSE_MS: u64 = 30_000;
/// Milliseconds that a new access token is taken to last where the server does not say: the usual hour.
pub const RENEWED_MS_DEFAULT: u64 = 3_600_000;
/// Milliseconds that a new access token is taken to last at most, whatever the server says: a year.
pub const RENEWED_MS_MAX: u64 = 31_536_000_000;
/// Agents that have a token: far more than one machine runs, and all of them are held in memory.
pub const AGENTS_MAX: usize = 1_024;
/// Bytes of a grant, as it is written and as it is kept: some hundred patterns, each of some hundred bytes.
pub const AGENT_GRANT_BYTES_MAX: usize = 64 << 10;
/// Patterns of one list of a grant; each is looked at for every request.
pub const AGENT_PATTERNS_MAX: usize = 256;
/// Requests or tokens that a limit of a grant may name: more than any provider serves in a day.
pub const AGENT_LIMIT_MAX: u64 = 1_000_000_000_000;
/// Dollars that `usdPerDay` may name; their millionths still fit into the exact numbers of JSON.
pub const AGENT_USD_MAX: f64 = 1_000_000_000.0;
/// Milliseconds after which an agent may come back that only its own calls under way keep out: they end in seconds.
pub const AGENT_BUSY_MS: u64 = 1_000;
/// Requests of one agent that were counted and are not written down yet. With more of them the agent is refused: it is
/// the most that a crash makes of its budget of the day. Writing ten times a second takes 40,000 requests a second.
pub const AGENT_UNSAVED_REQUESTS_MAX: u64 = 4_096;
/// Milliseconds that an agent's earlier token may still be taken after `rotate`: a week to bring the new one round.
pub const AGENT_GRACE_MS_MAX: u64 = 604_800_000;
