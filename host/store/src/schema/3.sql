-- The third form: what is remembered of credentials.

-- Which failed, until when they rest, and when they last worked. A fingerprint tells
-- one value from another and gives neither away; a key that is replaced has another one and starts clean.
CREATE TABLE credential_record (
  provider    TEXT NOT NULL,
  credential  TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  record_json TEXT NOT NULL,
  touched_ms  INTEGER NOT NULL,
  PRIMARY KEY (provider, credential, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX credential_record_by_age ON credential_record (touched_ms);
