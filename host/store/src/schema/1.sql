-- The first form of the database. A form that has been released is never changed: a change is a new file.

-- A row outlives its file: `expired_ms` says when the file was cleaned away.
CREATE TABLE media (
  area         TEXT NOT NULL CHECK (area IN ('inbound', 'outbound')),
  id           TEXT NOT NULL,
  content_type TEXT NOT NULL,
  size         INTEGER NOT NULL CHECK (size >= 0),
  sha256       TEXT NOT NULL CHECK (length(sha256) = 64),
  name         TEXT,
  width        INTEGER,
  height       INTEGER,
  created_ms   INTEGER NOT NULL,
  expired_ms   INTEGER,
  PRIMARY KEY (area, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX media_by_age ON media (created_ms) WHERE expired_ms IS NULL;

-- One row for each message that came in, from the moment it is admitted until for ever: it also keeps doubles out.
CREATE TABLE inbound (
  id                INTEGER PRIMARY KEY AUTOINCREMENT,
  channel           TEXT NOT NULL,
  message_id        TEXT NOT NULL,
  session           TEXT NOT NULL,
  sender_json       TEXT NOT NULL,
  conversation_json TEXT NOT NULL,
  text              TEXT NOT NULL,
  reply_to          TEXT,
  sent_at_ms        INTEGER NOT NULL,
  received_ms       INTEGER NOT NULL,
  state             TEXT NOT NULL CHECK (state IN ('received', 'ready', 'answered', 'failed')),
  reason            TEXT,
  UNIQUE (channel, message_id)
) STRICT;
CREATE INDEX inbound_unfinished ON inbound (id) WHERE state IN ('received', 'ready');
CREATE INDEX inbound_next ON inbound (session, id) WHERE state IN ('received', 'ready');

-- `media` or `failure` is set once the attachment has been collected or given up; neither means: still to be done.
CREATE TABLE attachment (
  inbound  INTEGER NOT NULL REFERENCES inbound (id),
  position INTEGER NOT NULL,
  json     TEXT NOT NULL,
  media    TEXT,
  failure  TEXT,
  PRIMARY KEY (inbound, position),
  CHECK (media IS NULL OR failure IS NULL)
) STRICT, WITHOUT ROWID;

-- The session log. Media stand in it by handle, in a JSON list.
CREATE TABLE entry (
  seq             INTEGER PRIMARY KEY AUTOINCREMENT,
  session         TEXT NOT NULL,
  role            TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
  text            TEXT NOT NULL,
  media_json      TEXT NOT NULL,
  model           TEXT,
  derivation_json TEXT,
  usage_json      TEXT,
  at_ms           INTEGER NOT NULL,
  inbound         INTEGER REFERENCES inbound (id),
  UNIQUE (inbound, role)
) STRICT;
CREATE INDEX entry_by_session ON entry (session, seq);

-- `begun` counts the tries, `interrupted` those of them that ended without a word: they may have been delivered.
CREATE TABLE outbox (
  id                INTEGER PRIMARY KEY AUTOINCREMENT,
  channel           TEXT NOT NULL,
  session           TEXT NOT NULL,
  conversation_json TEXT NOT NULL,
  text              TEXT NOT NULL,
  media_json        TEXT NOT NULL,
  reply_to          TEXT,
  inbound           INTEGER REFERENCES inbound (id),
  state             TEXT NOT NULL CHECK (state IN ('pending', 'under-way', 'delivered', 'given-up')),
  attempts          INTEGER NOT NULL DEFAULT 0,
  interrupted       INTEGER NOT NULL DEFAULT 0,
  next_attempt_ms   INTEGER NOT NULL,
  last_error        TEXT,
  network_id        TEXT,
  created_ms        INTEGER NOT NULL,
  settled_ms        INTEGER
) STRICT;
CREATE INDEX outbox_unsettled ON outbox (id) WHERE state IN ('pending', 'under-way');

CREATE TABLE cursor (
  channel TEXT PRIMARY KEY,
  value   BLOB NOT NULL,
  at_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a model said about a picture, by the picture's bytes and not by its name.
CREATE TABLE description (
  sha256      TEXT NOT NULL,
  model       TEXT NOT NULL,
  prompt_hash TEXT NOT NULL,
  text        TEXT NOT NULL,
  at_ms       INTEGER NOT NULL,
  PRIMARY KEY (sha256, model, prompt_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  seq     INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms   INTEGER NOT NULL,
  plugin  TEXT NOT NULL,
  action  TEXT NOT NULL,
  verdict TEXT NOT NULL,
  rule    TEXT NOT NULL,
  target  TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
  SELECT raise(ABORT, 'the audit log is never changed');
END;
