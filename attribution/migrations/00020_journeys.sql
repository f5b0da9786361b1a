-- +goose Up

-- The touches before each settled conversion, for good: what attribution models are
-- computed from, without saying whose they were. touches: JSON, the earliest first.
CREATE TABLE journeys (
	advertiser INTEGER NOT NULL,
	at         INTEGER NOT NULL, -- of the conversion, Unix nanoseconds
	order_id   TEXT    NOT NULL,
	type       TEXT    NOT NULL,
	value      INTEGER NOT NULL, -- nanos of the advertiser's currency
	touches    TEXT    NOT NULL,
	PRIMARY KEY (advertiser, at, order_id)
) STRICT, WITHOUT ROWID;

-- Computed attributions, as they were answered.
CREATE TABLE attribution_runs (
	advertiser INTEGER NOT NULL,
	id         TEXT    NOT NULL,
	created_at INTEGER NOT NULL,
	run        TEXT    NOT NULL,
	PRIMARY KEY (advertiser, id)
) STRICT, WITHOUT ROWID;

-- Counter-records of conversions, once each, for good. value 0: of the whole.
CREATE TABLE refunds (
	advertiser INTEGER NOT NULL,
	order_id   TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	at         INTEGER NOT NULL,
	value      INTEGER NOT NULL,
	PRIMARY KEY (advertiser, order_id, id)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE refunds;
DROP TABLE attribution_runs;
DROP TABLE journeys;
