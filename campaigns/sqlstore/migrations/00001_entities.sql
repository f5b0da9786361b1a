-- +goose Up
-- Entities are JSON bodies beside the columns that are looked up by. AUTOINCREMENT
-- never reuses an id. Owners and parents never change.
CREATE TABLE agencies (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    status   TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    body     BLOB    NOT NULL
);

CREATE TABLE advertisers (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    agency_id INTEGER NOT NULL REFERENCES agencies (id),
    status    TEXT    NOT NULL,
    revision  INTEGER NOT NULL,
    body      BLOB    NOT NULL
);
CREATE INDEX advertisers_by_agency ON advertisers (agency_id, id);

CREATE TABLE campaigns (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    agency_id     INTEGER NOT NULL REFERENCES agencies (id),
    advertiser_id INTEGER NOT NULL REFERENCES advertisers (id),
    status        TEXT    NOT NULL,
    revision      INTEGER NOT NULL,
    body          BLOB    NOT NULL
);
CREATE INDEX campaigns_by_advertiser ON campaigns (advertiser_id, id);

CREATE TABLE line_items (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    agency_id     INTEGER NOT NULL REFERENCES agencies (id),
    advertiser_id INTEGER NOT NULL REFERENCES advertisers (id),
    campaign_id   INTEGER NOT NULL REFERENCES campaigns (id),
    status        TEXT    NOT NULL,
    revision      INTEGER NOT NULL,
    body          BLOB    NOT NULL
);
CREATE INDEX line_items_by_advertiser ON line_items (advertiser_id, id);
CREATE INDEX line_items_by_campaign ON line_items (campaign_id, id);

CREATE TABLE creatives (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    agency_id     INTEGER NOT NULL REFERENCES agencies (id),
    advertiser_id INTEGER NOT NULL REFERENCES advertisers (id),
    status        TEXT    NOT NULL,
    revision      INTEGER NOT NULL,
    body          BLOB    NOT NULL
);
CREATE INDEX creatives_by_advertiser ON creatives (advertiser_id, id);

CREATE TABLE kill_switches (
    topic_key TEXT    PRIMARY KEY,
    revision  INTEGER NOT NULL,
    body      BLOB    NOT NULL
);

-- What is to be published, in order. A row goes away once the log has it.
CREATE TABLE outbox (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    topic_key TEXT NOT NULL,
    value     BLOB NOT NULL
);

CREATE TABLE api_keys (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    hash          BLOB    NOT NULL UNIQUE, -- SHA-256 of the key
    name          TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    agency_id     INTEGER REFERENCES agencies (id),
    advertiser_id INTEGER REFERENCES advertisers (id),
    created_at    TEXT    NOT NULL,
    revoked_at    TEXT
);

-- +goose Down
DROP TABLE api_keys;
DROP TABLE outbox;
DROP TABLE kill_switches;
DROP TABLE creatives;
DROP TABLE line_items;
DROP TABLE campaigns;
DROP TABLE advertisers;
DROP TABLE agencies;
