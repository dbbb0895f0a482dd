-- Four eyes: above what a participant's payments need a second API key, and the payments that wait for
-- one or waited.

-- +goose Up
CREATE TABLE approval_rules (
    participant TEXT   NOT NULL,
    currency    TEXT   NOT NULL,
    above       BIGINT NOT NULL,
    PRIMARY KEY (participant, currency)
);
CREATE TABLE approvals (
    sender  TEXT   NOT NULL,
    payment BYTEA  NOT NULL,
    key     TEXT   NOT NULL, -- of the request that all payments of one submission share
    maker   BYTEA  NOT NULL, -- the API key that ordered
    decider BYTEA  NOT NULL, -- the API key that decided; empty before
    state   TEXT   NOT NULL, -- held, approved, refused, expired
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    decided BIGINT NOT NULL,
    PRIMARY KEY (sender, payment)
);
CREATE INDEX approvals_key ON approvals (sender, key);
CREATE INDEX approvals_held ON approvals (expires) WHERE state = 'held';
CREATE INDEX approvals_approved ON approvals (sender, key) WHERE state = 'approved';

-- +goose Down
DROP TABLE approvals;
DROP TABLE approval_rules;
