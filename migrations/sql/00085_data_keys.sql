-- The key that everything confidential is encrypted under, once for each master key that opens it. While the
-- master key is replaced there are two rows; else one.

-- +goose Up
DROP TABLE master_check;
CREATE TABLE data_keys (
    slot   BIGINT NOT NULL PRIMARY KEY, -- grows with each replacement
    master BYTEA  NOT NULL UNIQUE,      -- tells the master key from others, and tells nothing of it
    sealed BYTEA  NOT NULL
);

-- +goose Down
DROP TABLE data_keys;
CREATE TABLE master_check (
    id    BIGINT NOT NULL PRIMARY KEY,
    value BYTEA  NOT NULL,
    CHECK (id = 1)
);
