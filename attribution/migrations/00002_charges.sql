-- +goose Up
-- What a conversion needs to charge: the terms of its touch's bid, where its line item
-- charges at conversions (JSON), and its value as it was reported.
ALTER TABLE touches ADD COLUMN terms TEXT NOT NULL DEFAULT '';
ALTER TABLE conversions ADD COLUMN sale INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversions ADD COLUMN sale_currency TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN topic TEXT NOT NULL DEFAULT 'attributed';

-- +goose Down
ALTER TABLE outbox DROP COLUMN topic;
ALTER TABLE conversions DROP COLUMN sale_currency;
ALTER TABLE conversions DROP COLUMN sale;
ALTER TABLE touches DROP COLUMN terms;
