-- +goose Up

-- user is a word of SQL's own.
ALTER TABLE touches RENAME COLUMN user TO user_key;
ALTER TABLE conversions RENAME COLUMN user TO user_key;

-- Whose turn it is to write: the process that opened the database last. One row.
CREATE TABLE turns (
	id    INTEGER PRIMARY KEY,
	epoch INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE turns;
ALTER TABLE conversions RENAME COLUMN user_key TO user;
ALTER TABLE touches RENAME COLUMN user_key TO user;
