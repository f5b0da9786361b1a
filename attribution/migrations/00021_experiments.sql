-- +goose Up

-- Who was assigned to which group of an experiment, at the first bid that would have
-- been; who of them was shown an ad; and what was bought meanwhile, by orders that name
-- the customer.
CREATE TABLE experiment_users (
	experiment INTEGER NOT NULL,
	user       INTEGER NOT NULL,
	held       INTEGER NOT NULL,
	at         INTEGER NOT NULL, -- Unix nanoseconds
	PRIMARY KEY (experiment, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE experiment_exposed (
	experiment INTEGER NOT NULL,
	user       INTEGER NOT NULL,
	PRIMARY KEY (experiment, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE experiment_orders (
	experiment INTEGER NOT NULL,
	order_id   TEXT    NOT NULL,
	user       INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	value      INTEGER NOT NULL, -- nanos of the advertiser's currency
	PRIMARY KEY (experiment, order_id)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE experiment_orders;
DROP TABLE experiment_exposed;
DROP TABLE experiment_users;
