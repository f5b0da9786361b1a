-- +goose Up
-- Entities of every kind are in one table, so that a new kind needs no change here.
-- Zero stands for an ancestor that the kind does not have. Owners and parents never change.
CREATE TABLE entities (
    kind          TEXT   NOT NULL,
    id            BIGINT NOT NULL,
    agency_id     BIGINT NOT NULL,
    advertiser_id BIGINT NOT NULL,
    parent_id     BIGINT NOT NULL, -- of the kind that the kind's parents are
    owner         TEXT   NOT NULL, -- within which external ids are unique
    external_id   TEXT,
    name_key      TEXT   NOT NULL, -- the name in lower case: to sort and search by
    status        TEXT   NOT NULL,
    revision      BIGINT NOT NULL,
    updated_ns    BIGINT NOT NULL, -- since 1970
    body          BLOB   NOT NULL, -- JSON
    PRIMARY KEY (kind, id)
);
CREATE INDEX entities_by_agency ON entities (kind, agency_id, id);
CREATE INDEX entities_by_advertiser ON entities (kind, advertiser_id, id);
CREATE INDEX entities_by_parent ON entities (kind, parent_id, id);
CREATE INDEX entities_by_name ON entities (kind, name_key, id);
CREATE INDEX entities_by_update ON entities (kind, updated_ns, id);
CREATE UNIQUE INDEX entities_by_external_id ON entities (kind, owner, external_id) WHERE external_id IS NOT NULL;

-- The last id that a kind has given away; ids are never given twice.
CREATE TABLE id_counters (
    kind TEXT   PRIMARY KEY,
    last BIGINT NOT NULL
);

-- only SQLite: what the first schema stored. Postgres came later.
INSERT INTO entities SELECT 'agency', id, id, 0, 0, '', NULL, lower(json_extract(body, '$.name')), status, revision,
    CAST(strftime('%s', json_extract(body, '$.updated_at')) AS INTEGER) * 1000000000, body FROM agencies;
INSERT INTO entities SELECT 'advertiser', id, agency_id, id, agency_id, 'agency/' || agency_id, NULL, lower(json_extract(body, '$.name')), status, revision,
    CAST(strftime('%s', json_extract(body, '$.updated_at')) AS INTEGER) * 1000000000, body FROM advertisers;
INSERT INTO entities SELECT 'campaign', id, agency_id, advertiser_id, advertiser_id, 'advertiser/' || advertiser_id, NULL, lower(json_extract(body, '$.name')), status, revision,
    CAST(strftime('%s', json_extract(body, '$.updated_at')) AS INTEGER) * 1000000000, body FROM campaigns;
INSERT INTO entities SELECT 'line_item', id, agency_id, advertiser_id, campaign_id, 'advertiser/' || advertiser_id, NULL, lower(json_extract(body, '$.name')), status, revision,
    CAST(strftime('%s', json_extract(body, '$.updated_at')) AS INTEGER) * 1000000000, body FROM line_items;
INSERT INTO entities SELECT 'creative', id, agency_id, advertiser_id, advertiser_id, 'advertiser/' || advertiser_id, NULL, lower(json_extract(body, '$.name')), status, revision,
    CAST(strftime('%s', json_extract(body, '$.updated_at')) AS INTEGER) * 1000000000, body FROM creatives;
INSERT INTO id_counters SELECT kind, max(id) FROM entities GROUP BY kind;
-- end

ALTER TABLE api_keys RENAME TO old_api_keys;
CREATE TABLE api_keys (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    hash          BLOB   NOT NULL UNIQUE, -- SHA-256 of the key
    name          TEXT   NOT NULL,
    role          TEXT   NOT NULL,
    agency_id     BIGINT NOT NULL,
    advertiser_id BIGINT NOT NULL,
    scopes        TEXT   NOT NULL, -- between spaces; empty: all that the role may
    created_at    TEXT   NOT NULL,
    expires_ns    BIGINT NOT NULL, -- 0: never
    revoked_at    TEXT
);
INSERT INTO api_keys SELECT id, hash, name, role, coalesce(agency_id, 0), coalesce(advertiser_id, 0), '', created_at, 0, revoked_at FROM old_api_keys;
DROP TABLE old_api_keys;
DROP TABLE creatives;
DROP TABLE line_items;
DROP TABLE campaigns;
DROP TABLE advertisers;
DROP TABLE agencies;

CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    email         TEXT   NOT NULL UNIQUE, -- lower case
    name          TEXT   NOT NULL,
    role          TEXT   NOT NULL,
    agency_id     BIGINT NOT NULL,
    advertiser_id BIGINT NOT NULL,
    password      TEXT   NOT NULL, -- hashed; empty: signs in elsewhere
    subject       TEXT   UNIQUE,   -- of an OpenID provider
    created_ns    BIGINT NOT NULL,
    disabled_ns   BIGINT NOT NULL  -- 0: may sign in
);

CREATE TABLE sessions (
    hash       BLOB   PRIMARY KEY, -- SHA-256 of the cookie
    user_id    BIGINT NOT NULL,    -- either a user's
    key_id     BIGINT NOT NULL,    -- or an API key's
    created_ns BIGINT NOT NULL,
    expires_ns BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_ns);

CREATE TABLE sign_ins (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ns   BIGINT NOT NULL,
    method  TEXT   NOT NULL,
    user_id BIGINT NOT NULL, -- 0: nobody's
    key_id  BIGINT NOT NULL,
    outcome TEXT   NOT NULL
);
CREATE INDEX sign_ins_by_time ON sign_ins (at_ns);

-- Every change of every entity, written with the change.
CREATE TABLE changes (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ns         BIGINT NOT NULL,
    kind          TEXT   NOT NULL,
    entity_id     BIGINT NOT NULL,
    agency_id     BIGINT NOT NULL,
    advertiser_id BIGINT NOT NULL,
    revision      BIGINT NOT NULL, -- that it made
    action        TEXT   NOT NULL,
    actor_kind    TEXT   NOT NULL, -- api_key, user or system
    actor_id      BIGINT NOT NULL,
    actor_name    TEXT   NOT NULL,
    undoes        BIGINT NOT NULL, -- the change that it takes back; 0: none
    request       TEXT   NOT NULL, -- the actor and its idempotency key; empty: none
    fields        BLOB   NOT NULL  -- JSON: field, before, after
);
CREATE UNIQUE INDEX changes_by_entity ON changes (kind, entity_id, revision);
CREATE INDEX changes_by_agency ON changes (agency_id, id);
CREATE INDEX changes_by_advertiser ON changes (advertiser_id, id);
CREATE INDEX changes_by_request ON changes (request) WHERE request <> '';

CREATE TABLE idempotency (
    actor       TEXT   NOT NULL,
    request     TEXT   NOT NULL, -- the Idempotency-Key
    fingerprint BLOB   NOT NULL, -- SHA-256 of method, path and body
    at_ns       BIGINT NOT NULL,
    answer      BLOB,            -- JSON: status, headers, body; null: not answered yet
    PRIMARY KEY (actor, request)
);
CREATE INDEX idempotency_by_time ON idempotency (at_ns);

CREATE TABLE operations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    actor      TEXT   NOT NULL,
    created_ns BIGINT NOT NULL,
    body       BLOB   NOT NULL -- JSON
);
CREATE INDEX operations_by_time ON operations (created_ns);
CREATE TABLE operation_rows (
    operation_id BIGINT NOT NULL,
    line         BIGINT NOT NULL,
    body         BLOB   NOT NULL, -- JSON: what became of the row
    PRIMARY KEY (operation_id, line)
);

-- +goose Down
-- There is no way back: kinds that came later have no table there.
SELECT 1 / 0;
