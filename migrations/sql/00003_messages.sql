-- What ISO 20022 messages need: by which rules a participant's are read, who wrote each, and what waits
-- for its cover.

-- +goose Up
ALTER TABLE settings ADD COLUMN iso_profile TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN author TEXT NOT NULL DEFAULT '';
CREATE INDEX messages_message_id ON messages (participant, message_id);
CREATE INDEX payments_held ON payments (uetr, receiver) WHERE status = 'held';

-- +goose Down
DROP INDEX payments_held;
DROP INDEX messages_message_id;
ALTER TABLE messages DROP COLUMN author;
ALTER TABLE settings DROP COLUMN iso_profile;
