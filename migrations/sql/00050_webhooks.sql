-- What was given up is listed and sent again on request.

-- +goose Up
CREATE INDEX deliveries_failed ON deliveries (webhook, seq) WHERE state = 'failed';

-- +goose Down
DROP INDEX deliveries_failed;
