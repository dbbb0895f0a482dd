-- What each participant held in a currency, less what it owed, minute by minute: so that a day's curve is read
-- in at most 1,440 rows however many payments made it.

-- +goose Up
CREATE TABLE net_minutes (
    participant TEXT   NOT NULL,
    currency    TEXT   NOT NULL,
    minute      BIGINT NOT NULL, -- of Unix time, by the blocks' times
    low         BIGINT NOT NULL, -- after a block of the minute, as the two below
    high        BIGINT NOT NULL,
    closing     BIGINT NOT NULL,
    changes     BIGINT NOT NULL, -- results that moved it
    PRIMARY KEY (participant, currency, minute)
);

-- +goose Down
DROP TABLE net_minutes;
