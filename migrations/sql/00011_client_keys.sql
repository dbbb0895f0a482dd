-- How else participants prove themselves: keys for message signatures, pinned certificates, and the
-- nonces that were used. And what tells a wrong master key.

-- +goose Up
CREATE TABLE client_keys (
    id          BYTEA  NOT NULL PRIMARY KEY,
    participant TEXT   NOT NULL, -- empty for the operator
    kind        TEXT   NOT NULL, -- signature or certificate
    public      BYTEA  NOT NULL, -- an Ed25519 key, or the SHA-256 of a certificate
    name        TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    UNIQUE (participant, kind, public)
);
CREATE TABLE nonces (
    client_key BYTEA  NOT NULL,
    nonce      TEXT   NOT NULL,
    expires    BIGINT NOT NULL,
    PRIMARY KEY (client_key, nonce)
);
CREATE INDEX nonces_expires ON nonces (expires);
CREATE TABLE master_check (
    id    BIGINT NOT NULL PRIMARY KEY,
    value BYTEA  NOT NULL,
    CHECK (id = 1)
);
ALTER TABLE settings ADD COLUMN require_signature BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE settings DROP COLUMN require_signature;
DROP TABLE master_check;
DROP TABLE nonces;
DROP TABLE client_keys;
