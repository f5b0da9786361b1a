-- +goose Up

-- Saved questions, and the links by which they are read without a key.
CREATE TABLE views (
	id         INTEGER PRIMARY KEY,
	agency     INTEGER NOT NULL, -- whose it is; 0 and 0: the operator's
	advertiser INTEGER NOT NULL,
	name       TEXT    NOT NULL,
	query      TEXT    NOT NULL, -- as of GET /v1/reports
	created_at INTEGER NOT NULL, -- Unix seconds
	updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE view_links (
	id         INTEGER PRIMARY KEY,
	view_id    INTEGER NOT NULL,
	token_hash BLOB    NOT NULL UNIQUE,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	revoked_at INTEGER NOT NULL -- 0: it is not
) STRICT;
CREATE INDEX view_links_view ON view_links (view_id);

-- +goose Down
DROP TABLE view_links;
DROP TABLE views;
