-- Confidential details that are sealed to their receiver's key, and the keys.

-- +goose Up
CREATE TABLE encryption_keys (
    public      BYTEA  NOT NULL PRIMARY KEY, -- X25519
    participant TEXT   NOT NULL,
    sealed      BYTEA  NOT NULL, -- the private half, where the gateway keeps it
    signer      BYTEA  NOT NULL, -- the signing key that vouches for it
    proof       BYTEA  NOT NULL,
    created     BIGINT NOT NULL
);
CREATE INDEX encryption_keys_participant ON encryption_keys (participant, created);

-- What a receiver is to have before its payment is ordered. Where another gateway serves the receiver, the
-- row is there too; here it stays until it is known to be stored there, and after.
CREATE TABLE parcels (
    payment   BYTEA   NOT NULL,
    sender    TEXT    NOT NULL,
    receiver  TEXT    NOT NULL,
    key       BYTEA   NOT NULL,
    sealed    BYTEA   NOT NULL,
    delivered BOOLEAN NOT NULL,
    created   BIGINT  NOT NULL,
    PRIMARY KEY (payment, sender)
);

-- +goose Down
DROP TABLE parcels;
DROP TABLE encryption_keys;
