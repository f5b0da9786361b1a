-- +goose Up
-- Lists of one agency, advertiser or parent by name or by time: without these the
-- whole installation's entities are walked in that order.
CREATE INDEX entities_by_agency_name ON entities (kind, agency_id, name_key, id);
CREATE INDEX entities_by_agency_update ON entities (kind, agency_id, updated_ns, id);
CREATE INDEX entities_by_advertiser_name ON entities (kind, advertiser_id, name_key, id);
CREATE INDEX entities_by_advertiser_update ON entities (kind, advertiser_id, updated_ns, id);
CREATE INDEX entities_by_parent_name ON entities (kind, parent_id, name_key, id);
CREATE INDEX entities_by_parent_update ON entities (kind, parent_id, updated_ns, id);

-- +goose Down
DROP INDEX entities_by_parent_update;
DROP INDEX entities_by_parent_name;
DROP INDEX entities_by_advertiser_update;
DROP INDEX entities_by_advertiser_name;
DROP INDEX entities_by_agency_update;
DROP INDEX entities_by_agency_name;
