-- +goose Up

-- The next offset to read of each partition, and when the last record read was appended.
CREATE TABLE offsets (
	topic     TEXT    NOT NULL,
	partition INTEGER NOT NULL,
	next      INTEGER NOT NULL,
	read_to   INTEGER NOT NULL, -- Unix nanoseconds
	PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;

-- Exposures that were counted: one bit for each of 1,024 bids of an incarnation.
-- day is the last UTC day on which the chunk changed.
CREATE TABLE seen (
	type        INTEGER NOT NULL,
	incarnation INTEGER NOT NULL,
	chunk       INTEGER NOT NULL,
	day         INTEGER NOT NULL,
	bits        BLOB    NOT NULL,
	PRIMARY KEY (type, incarnation, chunk)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_day ON seen (day);

-- The last offset of each money partition whose posting was counted.
CREATE TABLE posted (
	money_partition INTEGER PRIMARY KEY,
	money_offset    INTEGER NOT NULL
) STRICT;

-- The auction counts that were added.
CREATE TABLE counted (
	node TEXT    NOT NULL,
	seq  INTEGER NOT NULL,
	day  INTEGER NOT NULL,
	PRIMARY KEY (node, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX counted_day ON counted (day);

-- Impressions and clicks for joining. day is the UTC day of at, so that writes
-- stay close together and forgetting is a range. kind: 1 impression, 2 click.
CREATE TABLE touches (
	day        INTEGER NOT NULL,
	user       INTEGER NOT NULL, -- 0: unknown
	advertiser INTEGER NOT NULL,
	kind       INTEGER NOT NULL,
	at         INTEGER NOT NULL, -- Unix nanoseconds
	bid        BLOB    NOT NULL,
	logged     INTEGER NOT NULL, -- when it was appended, Unix nanoseconds
	campaign   INTEGER NOT NULL,
	line_item  INTEGER NOT NULL,
	creative   INTEGER NOT NULL,
	exchange   TEXT    NOT NULL,
	deal       TEXT    NOT NULL,
	site       TEXT    NOT NULL,
	app        INTEGER NOT NULL,
	PRIMARY KEY (day, kind, user, advertiser, at, bid)
) STRICT, WITHOUT ROWID;
CREATE INDEX touches_click ON touches (bid) WHERE kind = 2;

-- Every conversion, for good; user and click_bid are forgotten when it can no
-- longer change. touch: 0 none, 1 view, 2 click; the columns after it are the touch's.
CREATE TABLE conversions (
	advertiser INTEGER NOT NULL,
	order_id   TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	at         INTEGER NOT NULL,
	logged     INTEGER NOT NULL,
	day        INTEGER NOT NULL,
	slot       INTEGER NOT NULL,
	value      INTEGER NOT NULL, -- nanos of the advertiser's currency
	user       INTEGER,
	click_bid  BLOB,
	touch      INTEGER NOT NULL,
	touch_at   INTEGER NOT NULL,
	touch_bid  BLOB,
	campaign   INTEGER NOT NULL,
	line_item  INTEGER NOT NULL,
	creative   INTEGER NOT NULL,
	exchange   TEXT    NOT NULL,
	deal       TEXT    NOT NULL,
	site       TEXT    NOT NULL,
	app        INTEGER NOT NULL,
	PRIMARY KEY (advertiser, order_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversions_user ON conversions (user, advertiser, at) WHERE user IS NOT NULL;
CREATE INDEX conversions_click ON conversions (click_bid) WHERE click_bid IS NOT NULL;
CREATE INDEX conversions_open ON conversions (logged) WHERE user IS NOT NULL OR click_bid IS NOT NULL;

-- Records of the topic attributed that are not yet known to be durable there.
CREATE TABLE outbox (
	id    INTEGER PRIMARY KEY AUTOINCREMENT,
	key   BLOB NOT NULL,
	value BLOB NOT NULL
) STRICT;

-- Sums are kept in whole units and nanos, so that SQLite's 64-bit sums cannot overflow.
CREATE TABLE rollups (
	advertiser INTEGER NOT NULL,
	day        INTEGER NOT NULL,
	slot       INTEGER NOT NULL,
	campaign   INTEGER NOT NULL,
	line_item  INTEGER NOT NULL,
	creative   INTEGER NOT NULL,
	exchange   TEXT    NOT NULL,
	deal       TEXT    NOT NULL,
	site       TEXT    NOT NULL,
	app        INTEGER NOT NULL,
	bids INTEGER NOT NULL, wins INTEGER NOT NULL, billable INTEGER NOT NULL,
	impressions INTEGER NOT NULL, clicks INTEGER NOT NULL,
	click_conversions INTEGER NOT NULL, view_conversions INTEGER NOT NULL,
	media_units INTEGER NOT NULL, media_nanos INTEGER NOT NULL,
	charge_units INTEGER NOT NULL, charge_nanos INTEGER NOT NULL,
	data_fee_units INTEGER NOT NULL, data_fee_nanos INTEGER NOT NULL,
	platform_fee_units INTEGER NOT NULL, platform_fee_nanos INTEGER NOT NULL,
	margin_units INTEGER NOT NULL, margin_nanos INTEGER NOT NULL,
	house_late_units INTEGER NOT NULL, house_late_nanos INTEGER NOT NULL,
	house_unbilled_units INTEGER NOT NULL, house_unbilled_nanos INTEGER NOT NULL,
	value_units INTEGER NOT NULL, value_nanos INTEGER NOT NULL,
	PRIMARY KEY (advertiser, day, slot, line_item, creative, exchange, site, app, deal, campaign)
) STRICT, WITHOUT ROWID;

-- The same sums by line item and day alone: what most reports ask.
CREATE TABLE line_item_days (
	advertiser INTEGER NOT NULL,
	day        INTEGER NOT NULL,
	campaign   INTEGER NOT NULL,
	line_item  INTEGER NOT NULL,
	bids INTEGER NOT NULL, wins INTEGER NOT NULL, billable INTEGER NOT NULL,
	impressions INTEGER NOT NULL, clicks INTEGER NOT NULL,
	click_conversions INTEGER NOT NULL, view_conversions INTEGER NOT NULL,
	media_units INTEGER NOT NULL, media_nanos INTEGER NOT NULL,
	charge_units INTEGER NOT NULL, charge_nanos INTEGER NOT NULL,
	data_fee_units INTEGER NOT NULL, data_fee_nanos INTEGER NOT NULL,
	platform_fee_units INTEGER NOT NULL, platform_fee_nanos INTEGER NOT NULL,
	margin_units INTEGER NOT NULL, margin_nanos INTEGER NOT NULL,
	house_late_units INTEGER NOT NULL, house_late_nanos INTEGER NOT NULL,
	house_unbilled_units INTEGER NOT NULL, house_unbilled_nanos INTEGER NOT NULL,
	value_units INTEGER NOT NULL, value_nanos INTEGER NOT NULL,
	PRIMARY KEY (advertiser, day, line_item, campaign)
) STRICT, WITHOUT ROWID;

-- What exchanges are owed, in their own currency.
CREATE TABLE payables (
	day        INTEGER NOT NULL,
	advertiser INTEGER NOT NULL,
	exchange   TEXT    NOT NULL,
	currency   TEXT    NOT NULL,
	billable   INTEGER NOT NULL,
	units      INTEGER NOT NULL,
	nanos      INTEGER NOT NULL,
	PRIMARY KEY (day, advertiser, exchange, currency)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE payables;
DROP TABLE line_item_days;
DROP TABLE rollups;
DROP TABLE outbox;
DROP TABLE conversions;
DROP TABLE touches;
DROP TABLE counted;
DROP TABLE posted;
DROP TABLE seen;
DROP TABLE offsets;
