-- Which HTTP request a submission came from, to follow a payment from a bank's logs to the journal.

-- +goose Up
ALTER TABLE requests ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN trace TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE requests DROP COLUMN trace;
ALTER TABLE requests DROP COLUMN request_id;
