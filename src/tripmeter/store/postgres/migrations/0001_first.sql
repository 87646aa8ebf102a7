-- Objects are JSON documents beside the columns that queries need. `no` orders them by creation.
-- Documents are bytes, as they were written: they hold integers of any size.

CREATE TABLE settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE accounts (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL UNIQUE,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    doc        bytea NOT NULL
);

CREATE TABLE keys (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL UNIQUE,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    digest     bytea NOT NULL UNIQUE,
    doc        bytea NOT NULL
);
CREATE INDEX keys_of_scope ON keys (account, livemode, no);

CREATE TABLE stream_sessions (
    digest     bytea PRIMARY KEY,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    expires_ms bigint NOT NULL,
    doc        bytea NOT NULL
);

CREATE TABLE customers (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    email      text,
    deleted    boolean NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX customers_of_scope ON customers (account, livemode, no);

CREATE TABLE meters (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL UNIQUE,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    event_name text NOT NULL,
    status     text NOT NULL,
    doc        bytea NOT NULL
);
CREATE INDEX meters_of_scope ON meters (account, livemode, no);
CREATE UNIQUE INDEX meters_active ON meters (account, livemode, event_name) WHERE status = 'active';
CREATE INDEX meters_named ON meters (account, livemode, event_name, no);

CREATE TABLE alerts (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL UNIQUE,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    alert_type text NOT NULL,
    meter      text NOT NULL,
    customer   text,
    status     text NOT NULL,
    doc        bytea NOT NULL
);
CREATE INDEX alerts_of_scope ON alerts (account, livemode, no);
CREATE INDEX alerts_of_meter ON alerts (meter, customer, status);

CREATE TABLE activations (
    alert_no  bigint NOT NULL REFERENCES alerts,
    number    bigint NOT NULL,
    kind      text NOT NULL,
    position  bigint NOT NULL,
    closed_at bigint,
    opened_ms bigint NOT NULL,
    PRIMARY KEY (alert_no, number)
);

-- What is unique below is contract C3: one firing per alert, customer and activation.
CREATE TABLE firings (
    no          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          text NOT NULL UNIQUE,
    account     text NOT NULL,
    livemode    boolean NOT NULL,
    created_ms  bigint NOT NULL,
    alert_no    bigint NOT NULL REFERENCES alerts,
    meter_no    bigint NOT NULL,
    customer_no bigint NOT NULL,
    activation  bigint NOT NULL,
    position    bigint NOT NULL,
    alert       text NOT NULL,
    customer    text NOT NULL,
    doc         bytea NOT NULL,
    UNIQUE (alert_no, customer_no, activation)
);
CREATE INDEX firings_of_scope ON firings (account, livemode, no);
CREATE INDEX firings_of_alert ON firings (alert, no);
CREATE INDEX firings_of_tally ON firings (meter_no, customer_no);

CREATE TABLE events (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL UNIQUE,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    payload    text NOT NULL,
    type       text NOT NULL,
    object_id  text,
    doc        bytea NOT NULL
);
CREATE INDEX events_of_scope ON events (account, livemode, payload, no);

CREATE TABLE endpoints (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL UNIQUE,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    kind       text NOT NULL,
    deleted    boolean NOT NULL DEFAULT false,
    doc        bytea NOT NULL
);
CREATE INDEX endpoints_of_scope ON endpoints (account, livemode, deleted);

CREATE TABLE deliveries (
    no          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_no    bigint NOT NULL REFERENCES events,
    endpoint_no bigint NOT NULL REFERENCES endpoints,
    state       text NOT NULL,
    attempts    bigint NOT NULL,
    created_ms  bigint NOT NULL,
    due_ms      bigint NOT NULL,
    manual      boolean NOT NULL
);
CREATE INDEX deliveries_of_event ON deliveries (event_no);
CREATE UNIQUE INDEX deliveries_once ON deliveries (event_no, endpoint_no) WHERE NOT manual;
CREATE INDEX deliveries_pending ON deliveries (endpoint_no, due_ms) WHERE state = 'pending';

CREATE TABLE attempts (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL UNIQUE,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    event      text NOT NULL,
    endpoint   text NOT NULL,
    doc        bytea NOT NULL
);
CREATE INDEX attempts_of_scope ON attempts (account, livemode, no);
CREATE INDEX attempts_of_event ON attempts (event, no);
CREATE INDEX attempts_of_endpoint ON attempts (endpoint, no);

CREATE TABLE replies (
    account     text NOT NULL,
    livemode    boolean NOT NULL,
    key         text NOT NULL,
    created_ms  bigint NOT NULL,
    fingerprint bytea NOT NULL,
    status      bigint NOT NULL,
    body        bytea NOT NULL,
    PRIMARY KEY (account, livemode, key)
);
CREATE INDEX replies_by_age ON replies (created_ms);

-- The usage log: one row per batch, the truth that everything below derives from.
CREATE TABLE usage_log (
    first       bigint PRIMARY KEY,
    size        bigint NOT NULL,
    received_ms bigint NOT NULL,
    body        bytea NOT NULL
);

CREATE INDEX usage_log_received ON usage_log (received_ms);

-- Positions of events that were cancelled lately, so that none is cancelled twice.
CREATE TABLE cancelled (
    position     bigint PRIMARY KEY,
    cancelled_ms bigint NOT NULL
);

CREATE TABLE tallies (
    meter_no bigint NOT NULL,
    block    bigint NOT NULL,
    body     bytea NOT NULL,
    PRIMARY KEY (meter_no, block)
) WITH (fillfactor = 80);

CREATE TABLE hours (
    meter_no    bigint NOT NULL,
    block       bigint NOT NULL,
    hour        bigint NOT NULL,
    body        bytea NOT NULL,
    PRIMARY KEY (meter_no, block, hour)
) WITH (fillfactor = 80);

-- Refused usage that waits for its error report.
CREATE TABLE refusals (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    meter_no   bigint,
    code       text NOT NULL,
    created_ms bigint NOT NULL,
    refused    bigint NOT NULL,
    samples    bytea NOT NULL
);
