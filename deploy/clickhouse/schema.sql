-- Bidhawk's topics in ClickHouse: for analyses that roll-ups don't answer. Billing and
-- reports don't read it. Run it once, with the brokers' addresses in the place of
-- kafka:9092: clickhouse-client --multiquery < schema.sql
--
-- Delivery is at least once. A table's sorting key is the record's identity
-- (docs/topics.md), and ReplacingMergeTree keeps one row of each: query with FINAL, or
-- through the views below, and a repeat is counted once.

CREATE DATABASE IF NOT EXISTS bidhawk;

CREATE TABLE IF NOT EXISTS bidhawk.exposures
(
    type LowCardinality(String),
    bid FixedString(32),
    at DateTime64(9, 'UTC'),
    bid_at DateTime64(9, 'UTC'),
    advertiser UInt64,
    campaign UInt64,
    line_item UInt64,
    creative UInt64,
    exchange LowCardinality(String),
    deal String,
    format LowCardinality(String),
    w UInt16,
    h UInt16,
    device_type UInt8,
    country LowCardinality(String),
    region LowCardinality(String),
    site String,
    app Bool,
    test Bool,
    min_to_win_micros Int64
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (advertiser, type, bid)
TTL toDateTime(at) + INTERVAL 400 DAY;

CREATE TABLE IF NOT EXISTS bidhawk.exposures_queue (raw String)
ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka:9092', kafka_topic_list = 'bidhawk.exposures', kafka_group_name = 'clickhouse',
    kafka_format = 'RawBLOB', kafka_handle_error_mode = 'stream';

CREATE MATERIALIZED VIEW IF NOT EXISTS bidhawk.exposures_in TO bidhawk.exposures AS
SELECT
    JSONExtractString(raw, 'type') AS type,
    toFixedString(JSONExtractString(raw, 'bid'), 32) AS bid,
    parseDateTime64BestEffortOrZero(JSONExtractString(raw, 'at'), 9, 'UTC') AS at,
    parseDateTime64BestEffortOrZero(JSONExtractString(raw, 'bid_at'), 9, 'UTC') AS bid_at,
    JSONExtractUInt(raw, 'advertiser') AS advertiser,
    JSONExtractUInt(raw, 'campaign') AS campaign,
    JSONExtractUInt(raw, 'line_item') AS line_item,
    JSONExtractUInt(raw, 'creative') AS creative,
    JSONExtractString(raw, 'exchange') AS exchange,
    JSONExtractString(raw, 'deal') AS deal,
    JSONExtractString(raw, 'format') AS format,
    JSONExtractUInt(raw, 'w') AS w,
    JSONExtractUInt(raw, 'h') AS h,
    JSONExtractUInt(raw, 'device_type') AS device_type,
    JSONExtractString(raw, 'country') AS country,
    JSONExtractString(raw, 'region') AS region,
    JSONExtractString(raw, 'site') AS site,
    JSONExtractBool(raw, 'app') AS app,
    JSONExtractBool(raw, 'test') AS test,
    JSONExtractInt(raw, 'min_to_win_micros') AS min_to_win_micros
FROM bidhawk.exposures_queue
WHERE length(JSONExtractString(raw, 'bid')) = 32 AND JSONExtractString(raw, 'type') != 'conversion';

-- What the ledger posted: the identity is the money record's place.
CREATE TABLE IF NOT EXISTS bidhawk.postings
(
    money_partition UInt32,
    money_offset UInt64,
    type LowCardinality(String),
    outcome LowCardinality(String),
    at DateTime64(9, 'UTC'),
    day Date,
    advertiser UInt64,
    campaign UInt64,
    line_item UInt64,
    creative UInt64,
    exchange LowCardinality(String),
    deal String,
    site String,
    app Bool,
    media_nanos Int64,
    charge_nanos Int64,
    data_fee_nanos Int64,
    platform_fee_nanos Int64,
    margin_nanos Int64,
    payable_nanos Int64,
    payable_currency LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (advertiser, money_partition, money_offset)
TTL toDateTime(at) + INTERVAL 400 DAY;

CREATE TABLE IF NOT EXISTS bidhawk.postings_queue (raw String)
ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka:9092', kafka_topic_list = 'bidhawk.postings', kafka_group_name = 'clickhouse',
    kafka_format = 'RawBLOB', kafka_handle_error_mode = 'stream';

CREATE MATERIALIZED VIEW IF NOT EXISTS bidhawk.postings_in TO bidhawk.postings AS
SELECT
    JSONExtractUInt(raw, 'money_partition') AS money_partition,
    JSONExtractUInt(raw, 'money_offset') AS money_offset,
    JSONExtractString(raw, 'type') AS type,
    JSONExtractString(raw, 'outcome') AS outcome,
    parseDateTime64BestEffortOrZero(JSONExtractString(raw, 'at'), 9, 'UTC') AS at,
    toDateOrZero(JSONExtractString(raw, 'day')) AS day,
    JSONExtractUInt(raw, 'advertiser') AS advertiser,
    JSONExtractUInt(raw, 'campaign') AS campaign,
    JSONExtractUInt(raw, 'line_item') AS line_item,
    JSONExtractUInt(raw, 'creative') AS creative,
    JSONExtractString(raw, 'exchange') AS exchange,
    JSONExtractString(raw, 'deal') AS deal,
    JSONExtractString(raw, 'site') AS site,
    JSONExtractBool(raw, 'app') AS app,
    JSONExtractInt(raw, 'media_nanos') AS media_nanos,
    JSONExtractInt(raw, 'charge_nanos') AS charge_nanos,
    JSONExtractInt(raw, 'data_fee_nanos') AS data_fee_nanos,
    JSONExtractInt(raw, 'platform_fee_nanos') AS platform_fee_nanos,
    JSONExtractInt(raw, 'margin_nanos') AS margin_nanos,
    JSONExtractInt(raw, 'payable_nanos') AS payable_nanos,
    JSONExtractString(raw, 'payable_currency') AS payable_currency
FROM bidhawk.postings_queue;

CREATE TABLE IF NOT EXISTS bidhawk.conversions
(
    id String,
    at DateTime64(9, 'UTC'),
    advertiser UInt64,
    type LowCardinality(String),
    order_id String,
    value_nanos Int64,
    currency LowCardinality(String),
    click_bid String,
    source LowCardinality(String),
    refund Bool
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (advertiser, id)
TTL toDateTime(at) + INTERVAL 400 DAY;

CREATE TABLE IF NOT EXISTS bidhawk.conversions_queue (raw String)
ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka:9092', kafka_topic_list = 'bidhawk.conversions', kafka_group_name = 'clickhouse',
    kafka_format = 'RawBLOB', kafka_handle_error_mode = 'stream';

CREATE MATERIALIZED VIEW IF NOT EXISTS bidhawk.conversions_in TO bidhawk.conversions AS
SELECT
    JSONExtractString(raw, 'id') AS id,
    parseDateTime64BestEffortOrZero(JSONExtractString(raw, 'at'), 9, 'UTC') AS at,
    JSONExtractUInt(raw, 'advertiser') AS advertiser,
    JSONExtractString(raw, 'type') AS type,
    JSONExtractString(raw, 'order') AS order_id,
    JSONExtractInt(raw, 'value_nanos') AS value_nanos,
    JSONExtractString(raw, 'currency') AS currency,
    JSONExtractString(raw, 'click_bid') AS click_bid,
    JSONExtractString(raw, 'source') AS source,
    JSONExtractBool(raw, 'refund') AS refund
FROM bidhawk.conversions_queue;

-- By line item and day, as the reports' roll-ups: money by the ledger's day, exposures by
-- the bid's, in UTC. Equal to a report where the advertiser's zone is UTC.
CREATE VIEW IF NOT EXISTS bidhawk.line_item_days AS
SELECT advertiser, line_item, day,
    sum(wins) AS wins, sum(impressions) AS impressions, sum(clicks) AS clicks, sum(billable) AS billable,
    sum(media) AS media_nanos, sum(charge) AS charge_nanos, sum(margin_) AS margin_nanos
FROM
(
    SELECT advertiser, line_item, toDate(if(toUnixTimestamp64Nano(bid_at) = 0, at, bid_at)) AS day,
        type = 'win' AS wins, type = 'impression' AS impressions, type = 'click' AS clicks, 0 AS billable,
        toInt128(0) AS media, toInt128(0) AS charge, toInt128(0) AS margin_
    FROM bidhawk.exposures FINAL WHERE NOT test
    UNION ALL
    SELECT advertiser, line_item, day, 0, 0, 0, type = 'bill' AND outcome != 'adjusted',
        toInt128(media_nanos), toInt128(charge_nanos), toInt128(margin_nanos)
    FROM bidhawk.postings FINAL
    WHERE outcome IN ('posted', 'late', 'dispute', 'adjusted', 'unbilled') AND type NOT IN ('closing', 'payment')
)
GROUP BY advertiser, line_item, day;
