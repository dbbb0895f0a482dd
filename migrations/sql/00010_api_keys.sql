-- What an API key may do and from where, and lists of keys by id.

-- +goose Up
ALTER TABLE api_keys ADD COLUMN networks TEXT NOT NULL DEFAULT '';
UPDATE api_keys SET scopes = 'all' WHERE scopes = '';
DROP INDEX api_keys_participant;
CREATE INDEX api_keys_participant ON api_keys (participant, id);

-- +goose Down
DROP INDEX api_keys_participant;
CREATE INDEX api_keys_participant ON api_keys (participant, created);
ALTER TABLE api_keys DROP COLUMN networks;
