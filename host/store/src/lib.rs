//! What Creel keeps on disk: media, sessions, outbox, secrets; no async, no HTTP.
