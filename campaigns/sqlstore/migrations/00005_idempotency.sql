-- +goose Up
CREATE INDEX idempotency_by_actor ON idempotency (actor, at_ns);

-- +goose Down
DROP INDEX idempotency_by_actor;
