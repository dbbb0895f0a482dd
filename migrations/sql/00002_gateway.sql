-- What only the gateway knows: requests under way, confidential details, keys, messages, webhooks. None
-- of it can be built again from the journal.

-- +goose Up

CREATE TABLE requests (
    participant TEXT   NOT NULL, -- empty for the operator
    key         TEXT   NOT NULL,
    fingerprint BYTEA  NOT NULL,
    submission  BYTEA  NOT NULL,
    created     BIGINT NOT NULL,
    lease       BIGINT NOT NULL,
    height      BIGINT NOT NULL,
    first       BIGINT NOT NULL,
    status      BIGINT NOT NULL, -- of the first answer; 0 while there is none
    header      BYTEA  NOT NULL,
    body        BYTEA  NOT NULL,
    payments    BYTEA  NOT NULL, -- ids of the payments it began, 16 bytes each
    PRIMARY KEY (participant, key)
);
CREATE INDEX requests_created ON requests (created);

CREATE TABLE payment_details (
    payment BYTEA NOT NULL,
    sender  TEXT  NOT NULL,
    salt    BYTEA NOT NULL,
    details BYTEA NOT NULL, -- the bytes the payment's commitment covers
    PRIMARY KEY (payment, sender)
);

CREATE TABLE settings (
    participant      TEXT   NOT NULL PRIMARY KEY,
    funding          TEXT   NOT NULL, -- assets or currencies in order, comma between
    max_over_mid_bps BIGINT NOT NULL,
    updated          BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id          BYTEA  NOT NULL PRIMARY KEY,
    prefix      TEXT   NOT NULL UNIQUE,
    hash        BYTEA  NOT NULL,
    participant TEXT   NOT NULL, -- empty for the operator
    name        TEXT   NOT NULL,
    scopes      TEXT   NOT NULL, -- comma between
    created     BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    last_used   BIGINT NOT NULL,
    revoked     BIGINT NOT NULL
);
CREATE INDEX api_keys_participant ON api_keys (participant, created);

CREATE TABLE signing_keys (
    public      BYTEA  NOT NULL PRIMARY KEY,
    participant TEXT   NOT NULL,
    sealed      BYTEA  NOT NULL,
    created     BIGINT NOT NULL
);
CREATE INDEX signing_keys_participant ON signing_keys (participant, created);

CREATE TABLE messages (
    id           BYTEA  NOT NULL PRIMARY KEY,
    participant  TEXT   NOT NULL,
    counterparty TEXT   NOT NULL,
    direction    TEXT   NOT NULL,
    type         TEXT   NOT NULL,
    message_id   TEXT   NOT NULL,
    created      BIGINT NOT NULL,
    body         BYTEA  NOT NULL
);
CREATE TABLE message_payments (
    payment BYTEA NOT NULL,
    sender  TEXT  NOT NULL,
    message BYTEA NOT NULL,
    PRIMARY KEY (payment, sender, message)
);

CREATE TABLE webhooks (
    id          BYTEA  NOT NULL PRIMARY KEY,
    participant TEXT   NOT NULL,
    url         TEXT   NOT NULL,
    types       TEXT   NOT NULL, -- ',payment.settled,payment.rejected,'; empty for all
    secret      BYTEA  NOT NULL, -- sealed
    created     BIGINT NOT NULL,
    disabled    BIGINT NOT NULL,
    reason      TEXT   NOT NULL
);
CREATE INDEX webhooks_participant ON webhooks (participant, created);

-- A delivery is pending, delivered or failed. seq grows in the order of the events.
CREATE TABLE deliveries (
    seq      BIGINT NOT NULL PRIMARY KEY,
    webhook  BYTEA  NOT NULL,
    height   BIGINT NOT NULL, -- with idx and party: the event
    idx      BIGINT NOT NULL,
    party    BIGINT NOT NULL,
    payment  BYTEA  NOT NULL, -- with sender: what order is kept for
    sender   TEXT   NOT NULL,
    state    TEXT   NOT NULL,
    attempts BIGINT NOT NULL,
    due      BIGINT NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (due) WHERE state = 'pending';
CREATE INDEX deliveries_subject ON deliveries (webhook, payment, sender, seq) WHERE state = 'pending';
CREATE INDEX deliveries_webhook ON deliveries (webhook, seq);

-- One row: the seq of the last delivery, which stays when deliveries are cleared away.
CREATE TABLE delivery_counter (
    id  BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    CHECK (id = 1)
);
INSERT INTO delivery_counter (id, seq) VALUES (1, 0);

CREATE TABLE delivery_attempts (
    seq     BIGINT NOT NULL,
    claim   BIGINT NOT NULL, -- end of the claim it was made under
    number  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    took    BIGINT NOT NULL, -- milliseconds
    status  BIGINT NOT NULL, -- HTTP
    reason  TEXT   NOT NULL,
    outcome BIGINT NOT NULL,
    due     BIGINT NOT NULL,
    PRIMARY KEY (seq, claim)
);

-- +goose Down
DROP TABLE delivery_attempts;
DROP TABLE delivery_counter;
DROP TABLE deliveries;
DROP TABLE webhooks;
DROP TABLE message_payments;
DROP TABLE messages;
DROP TABLE signing_keys;
DROP TABLE api_keys;
DROP TABLE settings;
DROP TABLE payment_details;
DROP TABLE requests;
