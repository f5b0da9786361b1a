-- +goose Up
-- Until when an append that a relay has begun may still arrive at the log, in Unix
-- milliseconds of the database's clock. One row, where several nodes share the database.
CREATE TABLE relay (
    id         INTEGER PRIMARY KEY,
    busy_until INTEGER NOT NULL
);

-- +goose Down
DROP TABLE relay;
