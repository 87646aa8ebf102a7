-- Objects are JSON documents beside the columns that queries need. `no` orders them by creation.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE accounts (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    doc        BLOB NOT NULL
);

CREATE TABLE keys (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    digest     BLOB NOT NULL UNIQUE,
    doc        BLOB NOT NULL
);
CREATE INDEX keys_of_scope ON keys (account, livemode, no);

CREATE TABLE stream_sessions (
    digest     BLOB PRIMARY KEY,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    doc        BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE customers (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    email      TEXT,
    deleted    INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX customers_of_scope ON customers (account, livemode, no);

CREATE TABLE meters (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    event_name TEXT NOT NULL,
    status     TEXT NOT NULL,
    doc        BLOB NOT NULL
);
CREATE INDEX meters_of_scope ON meters (account, livemode, no);
CREATE UNIQUE INDEX meters_active ON meters (account, livemode, event_name) WHERE status = 'active';
CREATE INDEX meters_named ON meters (account, livemode, event_name, no);

CREATE TABLE alerts (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    alert_type TEXT NOT NULL,
    meter      TEXT NOT NULL,
    customer   TEXT,
    status     TEXT NOT NULL,
    doc        BLOB NOT NULL
);
CREATE INDEX alerts_of_scope ON alerts (account, livemode, no);
CREATE INDEX alerts_of_meter ON alerts (meter, customer, status);

CREATE TABLE activations (
    alert_no  INTEGER NOT NULL REFERENCES alerts,
    number    INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    position  INTEGER NOT NULL,
    closed_at INTEGER,
    opened_ms INTEGER NOT NULL,
    PRIMARY KEY (alert_no, number)
) WITHOUT ROWID;

-- What is unique below is contract C3: one firing per alert, customer and activation.
CREATE TABLE firings (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    account     TEXT NOT NULL,
    livemode    INTEGER NOT NULL,
    created_ms  INTEGER NOT NULL,
    alert_no    INTEGER NOT NULL REFERENCES alerts,
    meter_no    INTEGER NOT NULL,
    customer_no INTEGER NOT NULL,
    activation  INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    alert       TEXT NOT NULL,
    customer    TEXT NOT NULL,
    doc         BLOB NOT NULL,
    UNIQUE (alert_no, customer_no, activation)
);
CREATE INDEX firings_of_scope ON firings (account, livemode, no);
CREATE INDEX firings_of_tally ON firings (meter_no, customer_no);

CREATE TABLE events (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    payload    TEXT NOT NULL,
    type       TEXT NOT NULL,
    object_id  TEXT,
    doc        BLOB NOT NULL
);
CREATE INDEX events_of_scope ON events (account, livemode, payload, no);

CREATE TABLE endpoints (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    deleted    INTEGER NOT NULL DEFAULT 0,
    doc        BLOB NOT NULL
);
CREATE INDEX endpoints_of_scope ON endpoints (account, livemode, deleted);

CREATE TABLE deliveries (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    event_no    INTEGER NOT NULL REFERENCES events,
    endpoint_no INTEGER NOT NULL REFERENCES endpoints,
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    created_ms  INTEGER NOT NULL,
    due_ms      INTEGER NOT NULL,
    manual      INTEGER NOT NULL
);
CREATE INDEX deliveries_of_event ON deliveries (event_no);
CREATE UNIQUE INDEX deliveries_once ON deliveries (event_no, endpoint_no) WHERE manual = 0;
CREATE INDEX deliveries_pending ON deliveries (endpoint_no, due_ms) WHERE state = 'pending';

CREATE TABLE attempts (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    event      TEXT NOT NULL,
    endpoint   TEXT NOT NULL,
    doc        BLOB NOT NULL
);
CREATE INDEX attempts_of_scope ON attempts (account, livemode, no);
CREATE INDEX attempts_of_event ON attempts (event, no);
CREATE INDEX attempts_of_endpoint ON attempts (endpoint, no);

CREATE TABLE replies (
    account     TEXT NOT NULL,
    livemode    INTEGER NOT NULL,
    key         TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    status      INTEGER NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (account, livemode, key)
) WITHOUT ROWID;
CREATE INDEX replies_by_age ON replies (created_ms);

-- The usage log: one row per batch, the truth that everything below derives from.
CREATE TABLE usage_log (
    first       INTEGER PRIMARY KEY,
    size        INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    body        BLOB NOT NULL
);

CREATE INDEX usage_log_received ON usage_log (received_ms);

-- Positions of events that were cancelled lately, so that none is cancelled twice.
CREATE TABLE cancelled (
    position     INTEGER PRIMARY KEY,
    cancelled_ms INTEGER NOT NULL
);

-- With rowids, for a page of an index would keep only the beginning of so long a body.
CREATE TABLE tallies (
    meter_no INTEGER NOT NULL,
    block    INTEGER NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (meter_no, block)
);

CREATE TABLE hours (
    meter_no    INTEGER NOT NULL,
    block       INTEGER NOT NULL,
    hour        INTEGER NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (meter_no, block, hour)
) WITHOUT ROWID;

-- Refused usage that waits for its error report.
CREATE TABLE refusals (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    meter_no   INTEGER,
    code       TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    refused    INTEGER NOT NULL,
    samples    BLOB NOT NULL
);
