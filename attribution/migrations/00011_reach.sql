-- +goose Up

-- People by day, as package reach writes them: what some batches have counted.
CREATE TABLE reach (
	id    INTEGER PRIMARY KEY,
	day   INTEGER NOT NULL,
	level INTEGER NOT NULL, -- how often it was merged
	data  BLOB    NOT NULL
) STRICT;
CREATE INDEX reach_day ON reach (day, level);

-- +goose Down
DROP TABLE reach;
