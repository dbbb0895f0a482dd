-- Messages are found by whom they are for, some are passed on to another bank, and events tell of them.

-- +goose Up
ALTER TABLE messages ADD COLUMN passed BOOLEAN NOT NULL DEFAULT FALSE;   -- the counterparty has it, whatever became of its payments
ALTER TABLE message_payments ADD COLUMN reference BYTEA NOT NULL DEFAULT ''; -- of the payment in the message that ordered it
ALTER TABLE events ADD COLUMN message BYTEA NOT NULL DEFAULT '';         -- what the event passes on
CREATE UNIQUE INDEX events_message ON events (message, participant) WHERE length(message) > 0;
CREATE INDEX messages_participant ON messages (participant, created, id);
CREATE INDEX messages_counterparty ON messages (counterparty, created, id) WHERE counterparty <> '';
CREATE INDEX message_payments_message ON message_payments (message);

-- +goose Down
DROP INDEX message_payments_message;
DROP INDEX messages_counterparty;
DROP INDEX messages_participant;
DROP INDEX events_message;
ALTER TABLE events DROP COLUMN message;
ALTER TABLE message_payments DROP COLUMN reference;
ALTER TABLE messages DROP COLUMN passed;
