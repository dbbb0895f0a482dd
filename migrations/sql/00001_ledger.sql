-- What the ledger says, projected block by block. Everything here but received payments can be built
-- again from the journal.

-- +goose Up

-- One row: how far the projection has come. It changes in the transaction that projects the block.
CREATE TABLE projection (
    id      BIGINT NOT NULL PRIMARY KEY,
    network BYTEA  NOT NULL,
    height  BIGINT NOT NULL,
    hash    BYTEA  NOT NULL,
    CHECK (id = 1)
);
INSERT INTO projection (id, network, height, hash) VALUES (1, '', -1, '');

CREATE TABLE blocks (
    height     BIGINT NOT NULL PRIMARY KEY,
    epoch      BIGINT NOT NULL,
    time       BIGINT NOT NULL,
    header     BYTEA  NOT NULL,
    hash       BYTEA  NOT NULL,
    message    BYTEA  NOT NULL,
    state      BYTEA  NOT NULL,
    first_leaf BIGINT NOT NULL,
    leaves     BIGINT NOT NULL,
    checkpoint BYTEA  NOT NULL
);

-- One row a result, and one for the header: the hash is for everyone, the leaf for who may see its
-- payment.
CREATE TABLE leaves (
    height BIGINT NOT NULL,
    idx    BIGINT NOT NULL,
    hash   BYTEA  NOT NULL,
    leaf   BYTEA  NOT NULL,
    PRIMARY KEY (height, idx)
);

CREATE TABLE participants (
    bic                   TEXT    NOT NULL PRIMARY KEY,
    name                  TEXT    NOT NULL,
    lei                   TEXT    NOT NULL,
    country               TEXT    NOT NULL,
    transfer_fee          BIGINT  NOT NULL,
    require_authorization BOOLEAN NOT NULL,
    frozen                BOOLEAN NOT NULL,
    ripple_default        BOOLEAN NOT NULL,
    keys                  BYTEA   NOT NULL, -- 32 bytes each, oldest first
    admitted              BIGINT  NOT NULL,
    height                BIGINT  NOT NULL  -- of the last change
);

-- Lines, and each issuer's own position.
CREATE TABLE positions (
    pos         BIGINT  NOT NULL PRIMARY KEY,
    holder      TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    issuer      TEXT    NOT NULL,
    own         BOOLEAN NOT NULL,
    balance     BIGINT  NOT NULL,
    "limit"     BIGINT  NOT NULL,
    quality_in  BIGINT  NOT NULL,
    quality_out BIGINT  NOT NULL,
    ripple      BOOLEAN NOT NULL,
    frozen      BOOLEAN NOT NULL,
    authorized  BOOLEAN NOT NULL,
    height      BIGINT  NOT NULL,
    UNIQUE (holder, currency, issuer)
);
CREATE INDEX positions_issuer ON positions (issuer, pos);

CREATE TABLE purses (
    participant TEXT   NOT NULL,
    currency    TEXT   NOT NULL,
    net         BIGINT NOT NULL,
    cap         BIGINT NOT NULL, -- -1 for none
    height      BIGINT NOT NULL,
    PRIMARY KEY (participant, currency)
);

CREATE TABLE offers (
    seq           BIGINT  NOT NULL PRIMARY KEY, -- order of arrival
    id            BYTEA   NOT NULL,
    maker         TEXT    NOT NULL,
    give_currency TEXT    NOT NULL,
    give_issuer   TEXT    NOT NULL,
    want_currency TEXT    NOT NULL,
    want_issuer   TEXT    NOT NULL,
    amount        BIGINT  NOT NULL,
    remaining     BIGINT  NOT NULL,
    price_n       BIGINT  NOT NULL,
    price_d       BIGINT  NOT NULL,
    price_key     BYTEA   NOT NULL, -- sorts as price_n/price_d
    expires       BIGINT  NOT NULL,
    crossed       BOOLEAN NOT NULL,
    status        TEXT    NOT NULL,
    placed        BIGINT  NOT NULL,
    height        BIGINT  NOT NULL
);
CREATE INDEX offers_maker ON offers (maker, id);
CREATE INDEX offers_book ON offers (give_currency, want_currency, price_key, seq) WHERE status = 'open';

-- The ledger keeps payment ids apart by sender, so the key does too.
CREATE TABLE payments (
    id               BYTEA   NOT NULL,
    sender           TEXT    NOT NULL,
    receiver         TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    status           TEXT    NOT NULL,
    code             TEXT    NOT NULL,
    iso_reason       TEXT    NOT NULL,
    mode             BIGINT  NOT NULL,
    partial          BOOLEAN NOT NULL,
    send_currency    TEXT    NOT NULL,
    send_issuer      TEXT    NOT NULL,
    deliver_currency TEXT    NOT NULL,
    deliver_issuer   TEXT    NOT NULL,
    amount           BIGINT  NOT NULL,
    bound            BIGINT  NOT NULL,
    least            BIGINT  NOT NULL,
    source           BIGINT  NOT NULL,
    delivered        BIGINT  NOT NULL,
    not_after        BIGINT  NOT NULL,
    uetr             BYTEA   NOT NULL,
    uetr_kind        BIGINT  NOT NULL,
    end_to_end_id    TEXT    NOT NULL,
    commitment       BYTEA   NOT NULL,
    mid_rate         TEXT    NOT NULL,
    mid_time         BIGINT  NOT NULL,
    mid_source       TEXT    NOT NULL,
    created          BIGINT  NOT NULL,
    accepted         BIGINT  NOT NULL,
    settled          BIGINT  NOT NULL,
    height           BIGINT  NOT NULL,
    idx              BIGINT  NOT NULL,
    PRIMARY KEY (id, sender)
);
CREATE INDEX payments_sender ON payments (sender, created, id);
CREATE INDEX payments_receiver ON payments (receiver, created, id);
CREATE INDEX payments_uetr ON payments (uetr);
CREATE INDEX payments_end_to_end_id ON payments (end_to_end_id) WHERE end_to_end_id <> '';

-- Postings are only added. A result's sum to zero, asset by asset.
CREATE TABLE postings (
    height  BIGINT NOT NULL,
    idx     BIGINT NOT NULL,
    seq     BIGINT NOT NULL,
    pos     BIGINT NOT NULL,
    reason  BIGINT NOT NULL,
    delta   BIGINT NOT NULL,
    balance BIGINT NOT NULL,
    PRIMARY KEY (height, idx, seq)
);
CREATE INDEX postings_pos ON postings (pos, height);

CREATE TABLE events (
    height      BIGINT NOT NULL,
    idx         BIGINT NOT NULL,
    party       BIGINT NOT NULL,
    participant TEXT   NOT NULL,
    type        TEXT   NOT NULL,
    payment     BYTEA  NOT NULL,
    sender      TEXT   NOT NULL,
    time        BIGINT NOT NULL,
    body        BYTEA  NOT NULL,
    PRIMARY KEY (height, idx, party)
);
CREATE INDEX events_participant ON events (participant, height, idx, party);

-- +goose Down
DROP TABLE events;
DROP TABLE postings;
DROP TABLE payments;
DROP TABLE offers;
DROP TABLE purses;
DROP TABLE positions;
DROP TABLE participants;
DROP TABLE leaves;
DROP TABLE blocks;
DROP TABLE projection;
