-- +goose Up

-- What became of each deal's requests, by the hour; and why no bid was made (kind 0), why
-- a guaranteed one was passed back (1), and why bids lost (2, by OpenRTB's loss reason).
CREATE TABLE deal_health (
	deal       INTEGER NOT NULL,
	slot       INTEGER NOT NULL, -- start of the hour, Unix seconds
	requests   INTEGER NOT NULL,
	eligible   INTEGER NOT NULL,
	bids       INTEGER NOT NULL,
	wins       INTEGER NOT NULL,
	guaranteed INTEGER NOT NULL,
	seen       INTEGER NOT NULL, -- the last request of the hour, Unix nanoseconds; 0: none
	won        INTEGER NOT NULL, -- likewise the last win
	floor      INTEGER NOT NULL, -- micros per mille, as last asked
	floor_cur  TEXT    NOT NULL,
	PRIMARY KEY (deal, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE deal_reasons (
	deal   INTEGER NOT NULL,
	slot   INTEGER NOT NULL,
	kind   INTEGER NOT NULL,
	reason TEXT    NOT NULL,
	n      INTEGER NOT NULL,
	PRIMARY KEY (deal, slot, kind, reason)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE deal_reasons;
DROP TABLE deal_health;
