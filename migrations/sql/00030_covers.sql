-- A transfer that settles by cover knows which payment brought its money.

-- +goose Up
ALTER TABLE payments ADD COLUMN cover BYTEA NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE payments DROP COLUMN cover;
