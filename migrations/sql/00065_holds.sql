-- Firm quotes, what they hold, and how long and how much may be held.

-- +goose Up
ALTER TABLE positions ADD COLUMN held_out BIGINT NOT NULL DEFAULT 0;
ALTER TABLE positions ADD COLUMN held_in BIGINT NOT NULL DEFAULT 0;
ALTER TABLE offers ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
ALTER TABLE participants ADD COLUMN longest_quote BIGINT NOT NULL DEFAULT 0;
ALTER TABLE participants ADD COLUMN longest_hold BIGINT NOT NULL DEFAULT 0;
ALTER TABLE participants ADD COLUMN hold_share BIGINT NOT NULL DEFAULT 0;

CREATE TABLE holds (
    seq              BIGINT  NOT NULL PRIMARY KEY, -- order of arrival
    id               BYTEA   NOT NULL,
    owner            TEXT    NOT NULL,
    receiver         TEXT    NOT NULL,
    mode             INTEGER NOT NULL,
    send_currency    TEXT    NOT NULL,
    send_issuer      TEXT    NOT NULL,
    deliver_currency TEXT    NOT NULL,
    deliver_issuer   TEXT    NOT NULL,
    amount           BIGINT  NOT NULL,
    source           BIGINT  NOT NULL,
    delivered        BIGINT  NOT NULL,
    placed           BIGINT  NOT NULL,
    expires          BIGINT  NOT NULL,
    status           TEXT    NOT NULL,
    ended            BIGINT  NOT NULL, -- 0 while it is held
    height           BIGINT  NOT NULL, -- of the result that placed it
    idx              INTEGER NOT NULL
);
CREATE INDEX holds_owner ON holds (owner, id);

-- +goose Down
DROP TABLE holds;
ALTER TABLE participants DROP COLUMN hold_share;
ALTER TABLE participants DROP COLUMN longest_hold;
ALTER TABLE participants DROP COLUMN longest_quote;
ALTER TABLE offers DROP COLUMN held;
ALTER TABLE positions DROP COLUMN held_in;
ALTER TABLE positions DROP COLUMN held_out;
