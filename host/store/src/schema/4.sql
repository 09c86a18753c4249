-- The fourth form: media of agents' workspaces, who counts on a medium, and what each area holds.

-- The list of areas is open now, so the table is made anew. What the sender said a medium is, is kept as a claim.
-- `file_mark` tells the file that was last seen to hold these bytes from any other; without one the bytes are read.
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
  file_mark     TEXT,
  PRIMARY KEY (area, id)
) STRICT, WITHOUT ROWID;
INSERT INTO media_4 (area, id, content_type, size, sha256, name, width, height, created_ms, expired_ms, claimed)
  SELECT area, id, content_type, size, sha256, name, width, height, created_ms, expired_ms, claimed FROM media;
DROP TABLE media;
ALTER TABLE media_4 RENAME TO media;
CREATE INDEX media_by_age ON media (created_ms) WHERE expired_ms IS NULL;
CREATE INDEX media_unclaimed ON media (area, id) WHERE claimed = 0;

-- Who names a medium: an attachment of a message, an entry of a session log, a delivery. It is written in the transaction
-- that names it, says nothing that the log does not say, and stays as long as the log does. Whether a holder still counts
-- is seen when it is asked, by the holder's own row.
CREATE TABLE media_reference (
  area      TEXT NOT NULL,
  id        TEXT NOT NULL,
  holder    TEXT NOT NULL CHECK (holder IN ('inbound', 'entry', 'outbox')),
  holder_id INTEGER NOT NULL,
  session   TEXT NOT NULL,
  PRIMARY KEY (area, id, holder, holder_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX media_reference_by_session ON media_reference (session, area, id);

-- A name is `media://<area>/<id>`, and up to this form no area held a slash.
INSERT OR IGNORE INTO media_reference (area, id, holder, holder_id, session)
  WITH named (uri, holder, holder_id, session) AS (
    SELECT a.media, 'inbound', i.id, i.session FROM attachment a JOIN inbound i ON i.id = a.inbound
    WHERE a.media IS NOT NULL
    UNION ALL
    SELECT m.value, 'entry', e.seq, e.session FROM entry e, json_each(e.media_json) m
    UNION ALL
    SELECT m.value, 'outbox', o.id, o.session FROM outbox o, json_each(o.media_json) m
  ), split (name, holder, holder_id, session) AS (
    SELECT substr(uri, length('media://') + 1), holder, holder_id, session FROM named
  )
  SELECT substr(name, 1, instr(name, '/') - 1), substr(name, instr(name, '/') + 1), holder, holder_id, session FROM split;

-- What lies in each area, so that a quota is judged without adding up every row.
CREATE TABLE media_total (
  area  TEXT PRIMARY KEY,
  media INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO media_total (area, media, bytes)
  SELECT area, count(*), sum(size) FROM media WHERE expired_ms IS NULL GROUP BY area;
CREATE TRIGGER media_total_grows AFTER INSERT ON media WHEN new.expired_ms IS NULL
BEGIN
  INSERT INTO media_total (area, media, bytes) VALUES (new.area, 1, new.size)
    ON CONFLICT (area) DO UPDATE SET media = media + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER media_total_shrinks AFTER DELETE ON media WHEN old.expired_ms IS NULL
BEGIN
  UPDATE media_total SET media = media - 1, bytes = bytes - old.size WHERE area = old.area;
END;
CREATE TRIGGER media_total_changes AFTER UPDATE OF area, size, expired_ms ON media
BEGIN
  UPDATE media_total SET media = media - 1, bytes = bytes - old.size
    WHERE area = old.area AND old.expired_ms IS NULL;
  INSERT INTO media_total (area, media, bytes)
    SELECT new.area, 1, new.size WHERE new.expired_ms IS NULL
    ON CONFLICT (area) DO UPDATE SET media = media + 1, bytes = bytes + excluded.bytes;
END;

-- What was made of a picture so that its receiver takes it, by the picture's bytes and what was wished; no medium where
-- it is sent as it is.
CREATE TABLE fitted (
  sha256 TEXT NOT NULL,
  wishes TEXT NOT NULL,
  media  TEXT,
  PRIMARY KEY (sha256, wishes)
) STRICT, WITHOUT ROWID;
