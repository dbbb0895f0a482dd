-- Which trace a payment's request belongs to, so that what is sent out of it later joins the trace. Only
-- payments that are traced have a row, as long as their request is kept.

-- +goose Up
CREATE TABLE payment_traces (
    payment BYTEA  NOT NULL,
    sender  TEXT   NOT NULL,
    created BIGINT NOT NULL,
    trace   TEXT   NOT NULL,
    PRIMARY KEY (payment, sender)
);
CREATE INDEX payment_traces_created ON payment_traces (created);

-- +goose Down
DROP TABLE payment_traces;
