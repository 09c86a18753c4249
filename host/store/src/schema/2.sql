-- The second form: media know whether anybody counts on them, and the outbox finds the head of each session.

-- A medium is claimed as soon as a message, an entry of a session log or a delivery names it. What is not claimed when a
-- daemon starts was never acknowledged, and goes. Media of the first form count as claimed: nobody noted it then.
ALTER TABLE media ADD COLUMN claimed INTEGER NOT NULL DEFAULT 1 CHECK (claimed IN (0, 1));
CREATE INDEX media_unclaimed ON media (area, id) WHERE claimed = 0;

CREATE INDEX outbox_next ON outbox (session, id) WHERE state IN ('pending', 'under-way');
