"""deploy/clickhouse/schema.sql in chdb, ClickHouse in a process.

usage: test.py SCHEMA RECORDS WANT

RECORDS has a line for each record: topic, tab, JSON. WANT has the rows of
bidhawk.line_item_days that they come to, as TSV. Kafka's engine needs brokers, so
that its queues are tables of the engine Null here: what the materialized views do
with a record is the same. Every record is inserted twice: delivery is at least once.
"""
import re
import sys

from chdb import session

schema, records, want = (open(path, encoding="utf-8").read() for path in sys.argv[1:4])
db = session.Session()

# As it is, all of it parses, Kafka's engine too.
for statement in filter(str.strip, re.sub(r"--[^\n]*", "", schema).split(";")):
    db.query("EXPLAIN AST " + statement)

bare = re.sub(r"--[^\n]*", "", schema)
queues, n = re.subn(r"ENGINE = Kafka\s+SETTINGS [^;]*;", "ENGINE = Null;", bare)
if n != 3:
    sys.exit(f"{n} queues of Kafka's engine; want 3")
for statement in filter(str.strip, queues.split(";")):
    db.query(statement)

inserted = 0
for line in records.splitlines():
    topic, raw = line.split("\t", 1)
    text = raw.replace("\\", "\\\\").replace("'", "\\'")
    for _ in range(2):
        db.query(f"INSERT INTO bidhawk.{topic}_queue VALUES ('{text}')")
    inserted += 1

got = db.query("SELECT * EXCEPT (margin_nanos) FROM bidhawk.line_item_days ORDER BY advertiser, line_item, day", "TSV").data()
if got != want:
    sys.exit(f"got\n{got}\nwant\n{want}")
conversions = db.query("SELECT count() FROM bidhawk.conversions FINAL", "TSV").data().strip()
expected = sum(line.startswith("conversions\t") for line in records.splitlines())
if int(conversions) != expected:
    sys.exit(f"{conversions} conversions; want {expected}")
print(f"clickhouse: {inserted} records, each twice: the roll-up is SQLite's")
