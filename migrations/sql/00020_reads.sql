-- What keeps reads quick over a million payments: balances of a past height, lists by counterparty, by
-- what is not settled, and by when it was settled. The last two hold few rows or none twice.

-- +goose Up
CREATE INDEX blocks_time ON blocks (time, height);
DROP INDEX postings_pos;
CREATE INDEX postings_pos ON postings (pos, height, idx, seq);
CREATE INDEX payments_pair ON payments (sender, receiver, created, id);
CREATE INDEX payments_unsettled ON payments (sender, status, created, id) WHERE status <> 'settled';
CREATE INDEX payments_sent ON payments (sender, settled, id) WHERE settled > 0;
CREATE INDEX payments_got ON payments (receiver, settled, id) WHERE settled > 0;
-- The issuer of what arrived, where it was one asset.
ALTER TABLE payments ADD COLUMN delivered_issuer TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE payments DROP COLUMN delivered_issuer;
DROP INDEX payments_got;
DROP INDEX payments_sent;
DROP INDEX payments_unsettled;
DROP INDEX payments_pair;
DROP INDEX postings_pos;
CREATE INDEX postings_pos ON postings (pos, height);
DROP INDEX blocks_time;
