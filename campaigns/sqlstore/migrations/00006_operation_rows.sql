-- +goose Up
ALTER TABLE operation_rows ADD COLUMN outcome TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE operation_rows DROP COLUMN outcome;
