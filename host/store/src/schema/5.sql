-- The fifth form: agents that have a token of their own, and what they have used.

-- Of a token its hash alone is kept. The earlier one may be taken until its moment. What an agent may do, and until
-- when, is said by its grant and nowhere else.
CREATE TABLE agent (
  id               TEXT PRIMARY KEY,
  token_sha256     BLOB NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
  earlier_sha256   BLOB UNIQUE CHECK (length(earlier_sha256) = 32),
  earlier_until_ms INTEGER,
  grant_json       TEXT NOT NULL,
  created_ms       INTEGER NOT NULL,
  rotated_ms       INTEGER,
  revoked_ms       INTEGER,
  CHECK ((earlier_sha256 IS NULL) = (earlier_until_ms IS NULL))
) STRICT, WITHOUT ROWID;

-- What was used in one UTC day, counted from 1970. It outlives its agent: one that is made anew goes on from it.
CREATE TABLE agent_usage (
  day        INTEGER NOT NULL,
  agent      TEXT NOT NULL,
  requests   INTEGER NOT NULL CHECK (requests >= 0),
  tokens_in  INTEGER NOT NULL CHECK (tokens_in >= 0),
  tokens_out INTEGER NOT NULL CHECK (tokens_out >= 0),
  micro_usd  INTEGER NOT NULL CHECK (micro_usd >= 0),
  PRIMARY KEY (day, agent)
) STRICT, WITHOUT ROWID;
