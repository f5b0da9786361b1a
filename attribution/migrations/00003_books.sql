-- +goose Up

-- Every posting, by what a statement shows. currency is the payable's; the other
-- amounts are of the advertiser's. type is the money record's; "earlier": what
-- was counted before this table was there, of all types.
CREATE TABLE books (
	advertiser INTEGER NOT NULL,
	day        INTEGER NOT NULL,
	line_item  INTEGER NOT NULL,
	type       TEXT    NOT NULL,
	exchange   TEXT    NOT NULL,
	currency   TEXT    NOT NULL,
	postings   INTEGER NOT NULL,
	charge_units INTEGER NOT NULL, charge_nanos INTEGER NOT NULL,
	media_units INTEGER NOT NULL, media_nanos INTEGER NOT NULL,
	data_fee_units INTEGER NOT NULL, data_fee_nanos INTEGER NOT NULL,
	platform_fee_units INTEGER NOT NULL, platform_fee_nanos INTEGER NOT NULL,
	margin_units INTEGER NOT NULL, margin_nanos INTEGER NOT NULL,
	house_late_units INTEGER NOT NULL, house_late_nanos INTEGER NOT NULL,
	house_unbilled_units INTEGER NOT NULL, house_unbilled_nanos INTEGER NOT NULL,
	payable_units INTEGER NOT NULL, payable_nanos INTEGER NOT NULL,
	payment_units INTEGER NOT NULL, payment_nanos INTEGER NOT NULL,
	PRIMARY KEY (advertiser, day, line_item, type, exchange, currency)
) STRICT, WITHOUT ROWID;
CREATE INDEX books_exchange ON books (exchange, day) WHERE exchange <> '';

INSERT INTO books SELECT advertiser, day, line_item, 'earlier', exchange, '', sum(billable),
	sum(charge_units), sum(charge_nanos), sum(media_units), sum(media_nanos), sum(data_fee_units), sum(data_fee_nanos),
	sum(platform_fee_units), sum(platform_fee_nanos), sum(margin_units), sum(margin_nanos), sum(house_late_units), sum(house_late_nanos),
	sum(house_unbilled_units), sum(house_unbilled_nanos), 0, 0, 0, 0
	FROM rollups GROUP BY 1, 2, 3, 5 HAVING sum(billable) <> 0 OR sum(charge_units) <> 0 OR sum(charge_nanos) <> 0
	OR sum(media_units) <> 0 OR sum(media_nanos) <> 0 OR sum(data_fee_units) <> 0 OR sum(data_fee_nanos) <> 0
	OR sum(platform_fee_units) <> 0 OR sum(platform_fee_nanos) <> 0 OR sum(margin_units) <> 0 OR sum(margin_nanos) <> 0
	OR sum(house_late_units) <> 0 OR sum(house_late_nanos) <> 0 OR sum(house_unbilled_units) <> 0 OR sum(house_unbilled_nanos) <> 0;
INSERT INTO books SELECT advertiser, day, 0, 'earlier', exchange, currency, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, sum(units), sum(nanos), 0, 0
	FROM payables GROUP BY 1, 2, 5, 6 HAVING currency <> '';

-- What an exchange's own report is compared with, by the quarter hour in UTC.
-- kind: billed (by the time of the notice), bid (the same, by the time of the
-- bid), late, past_hard, bad_price, dispute, win, impression, or adjust/<cause>.
CREATE TABLE clearings (
	exchange TEXT    NOT NULL,
	slot     INTEGER NOT NULL,
	deal     TEXT    NOT NULL,
	currency TEXT    NOT NULL,
	kind     TEXT    NOT NULL,
	n        INTEGER NOT NULL,
	units    INTEGER NOT NULL,
	nanos    INTEGER NOT NULL,
	PRIMARY KEY (exchange, slot, deal, currency, kind)
) STRICT, WITHOUT ROWID;

-- The ledger's first decision about each payment and adjustment.
CREATE TABLE corrections (
	advertiser INTEGER NOT NULL,
	type       TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	posting    TEXT    NOT NULL, -- as the ledger wrote it
	PRIMARY KEY (advertiser, type, id)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE corrections;
DROP TABLE clearings;
DROP TABLE books;
