-- +goose Up

CREATE TABLE offsets (
	topic     TEXT    NOT NULL,
	partition INTEGER NOT NULL,
	next      INTEGER NOT NULL,
	PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;

-- Each event once. part 0: of no part yet. line is forgotten when its part is a
-- file; the id stays, so that a repeat is known.
CREATE TABLE events (
	id         TEXT    NOT NULL PRIMARY KEY,
	advertiser INTEGER NOT NULL,
	hour       INTEGER NOT NULL, -- Unix seconds
	kind       TEXT    NOT NULL,
	at         INTEGER NOT NULL, -- Unix nanoseconds
	part       INTEGER NOT NULL,
	line       BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX events_open ON events (hour, advertiser, kind) WHERE part = 0;
CREATE INDEX events_part ON events (part) WHERE line IS NOT NULL;
CREATE INDEX events_hour ON events (hour);

-- seq 0: the hour as it closed; above: what came late. written 0: not a file yet.
CREATE TABLE parts (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	advertiser INTEGER NOT NULL,
	hour       INTEGER NOT NULL,
	kind       TEXT    NOT NULL,
	seq        INTEGER NOT NULL,
	events     INTEGER NOT NULL,
	bytes      INTEGER NOT NULL,
	sha256     TEXT    NOT NULL,
	written    INTEGER NOT NULL,
	UNIQUE (advertiser, hour, kind, seq)
) STRICT;

-- +goose Down
DROP TABLE parts;
DROP TABLE events;
DROP TABLE offsets;
