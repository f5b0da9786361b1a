-- +goose Up

-- The roll-ups, as package rollup writes them: one row for each block of columns.
-- What the table rollups still holds is taken over when the database is opened.
CREATE TABLE parts (
	id    INTEGER PRIMARY KEY,
	cube  INTEGER NOT NULL,
	day   INTEGER NOT NULL,
	level INTEGER NOT NULL, -- how often its rows were merged
	run   INTEGER NOT NULL, -- the parts of one write or merge
	n     INTEGER NOT NULL, -- rows
	data  BLOB    NOT NULL
) STRICT;
CREATE INDEX parts_run ON parts (cube, day, level, run, n);
DROP TABLE line_item_days;

-- What an impression was (format/size/device type/country/region), and what kind of
-- conversion it was.
ALTER TABLE touches ADD COLUMN shown TEXT NOT NULL DEFAULT '';
ALTER TABLE conversions ADD COLUMN shown TEXT NOT NULL DEFAULT '';
ALTER TABLE conversions ADD COLUMN type TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE conversions DROP COLUMN type;
ALTER TABLE conversions DROP COLUMN shown;
ALTER TABLE touches DROP COLUMN shown;
DROP TABLE parts;
