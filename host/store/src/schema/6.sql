-- The sixth form: what whoever uploaded a file said of it, and the files of an area in their order.

-- What it is for, in the words of its uploader, and the moment from which it is not to be found any more.
ALTER TABLE media ADD COLUMN purpose TEXT;
ALTER TABLE media ADD COLUMN ends_ms INTEGER;
CREATE INDEX media_by_end ON media (ends_ms, area, id) WHERE expired_ms IS NULL AND ends_ms IS NOT NULL;
CREATE INDEX media_by_area ON media (area, created_ms, id) WHERE expired_ms IS NULL;
