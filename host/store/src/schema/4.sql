-- The fourth form: media of agents' workspaces, who counts on a medium, and what each area holds.

-- The list of areas is open now, so the table is made anew. What the sender said a medium is, is kept as a claim.
CREATE TABLE media_4 (
  area          TEXT NOT NULL CHECK (area IN ('inbound', 'outbound') OR area GLOB 'workspace/?*'),
  id            TEXT NOT NULL,
  content_type  TEXT NOT NULL,
  declared_type TEXT,
  size          INTEGER NOT NULL CHECK (size >= 0),
  sha256        TEXT NOT NULL CHECK (length(sha256) = 64),
  name          TEXT,
  width         INTEGER,
  height        INTEGER,
  created_ms    INTEGER NOT NULL,
  expired_ms    INTEGER,
  claimed       INTEGER NOT NULL DEFAULT 1 CHECK (claimed IN (0, 1)),
  PRIMARY KEY (area, id)
) STRICT, WITHOUT ROWID;
INSERT INTO media_4 (area, id, content_type, size, sha256, name, width, height, created_ms, expired_ms, claimed)
  SELECT area, id, content_type, size, sha256, name, width, height, created_ms, expired_ms, claimed FROM media;
DROP TABLE media;
ALTER TABLE media_4 RENAME TO media;
CREATE INDEX media_by_age ON media (created_ms) WHERE expired_ms IS NULL;
CREATE INDEX media_unclaimed ON media (area, id) WHERE claimed = 0;

-- What was made of a picture so that its receiver takes it, by the picture's bytes and what was wished; no medium where
-- it is sent as it is.
CREATE TABLE fitted (
  sha256 TEXT NOT NULL,
  wishes TEXT NOT NULL,
  media  TEXT,
  PRIMARY KEY (sha256, wishes)
) STRICT, WITHOUT ROWID;
