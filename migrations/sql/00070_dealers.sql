-- What a dealer's offers gave and took, and the bounds it sets to that. All of it follows from the journal.

-- +goose Up
CREATE TABLE fills (
    height        BIGINT  NOT NULL,
    idx           BIGINT  NOT NULL,
    seq           BIGINT  NOT NULL, -- of the move
    dealer        TEXT    NOT NULL,
    taker         BOOLEAN NOT NULL, -- its new offer took what stood
    offer         BYTEA   NOT NULL,
    gave_currency TEXT    NOT NULL,
    gave_issuer   TEXT    NOT NULL,
    gave          BIGINT  NOT NULL,
    took_currency TEXT    NOT NULL,
    took_issuer   TEXT    NOT NULL,
    took          BIGINT  NOT NULL,
    price_n       BIGINT  NOT NULL,
    price_d       BIGINT  NOT NULL,
    mid_n         BIGINT  NOT NULL, -- 0 when there was no mid-market rate
    mid_d         BIGINT  NOT NULL,
    mid_at        BIGINT  NOT NULL,
    mid_source    TEXT    NOT NULL,
    profit        BIGINT  NOT NULL, -- of the currency taken, against mid
    time          BIGINT  NOT NULL,
    PRIMARY KEY (height, idx, seq, taker)
);
CREATE INDEX fills_dealer ON fills (dealer, height, idx, seq);

CREATE TABLE inventories (
    dealer   TEXT   NOT NULL,
    currency TEXT   NOT NULL,
    counter  TEXT   NOT NULL, -- '' over all pairs
    net      BIGINT NOT NULL,
    "long"   BIGINT NOT NULL, -- -1 for no bound
    short    BIGINT NOT NULL,
    height   BIGINT NOT NULL,
    PRIMARY KEY (dealer, currency, counter)
);

-- +goose Down
DROP TABLE inventories;
DROP TABLE fills;
