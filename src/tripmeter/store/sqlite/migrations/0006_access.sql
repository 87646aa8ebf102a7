-- Limits on usage, access, and what is reserved.

CREATE TABLE usage_limits (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT,
    meter TEXT NOT NULL,
    set_by TEXT NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX usage_limits_of_scope ON usage_limits (account, livemode, no);
CREATE INDEX usage_limits_of_customer ON usage_limits (account, livemode, customer, no);
CREATE INDEX usage_limits_of_meter ON usage_limits (account, livemode, meter, no);

CREATE TABLE access_states (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT NOT NULL,
    meter TEXT NOT NULL,
    kind TEXT NOT NULL,
    usage_limit TEXT NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id),
    UNIQUE (account, livemode, customer, meter, kind, usage_limit)
);
CREATE INDEX access_states_of_scope ON access_states (account, livemode, no);
CREATE INDEX access_states_of_customer ON access_states (account, livemode, customer, no);
CREATE INDEX access_states_of_usage_limit ON access_states (account, livemode, usage_limit, no);

CREATE TABLE reservations (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT NOT NULL,
    meter TEXT NOT NULL,
    status TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX reservations_of_scope ON reservations (account, livemode, no);
CREATE INDEX reservations_of_customer ON reservations (account, livemode, customer, no);
CREATE INDEX reservations_by_end ON reservations (expires_ms);

CREATE TABLE limit_changes (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX limit_changes_of_scope ON limit_changes (account, livemode, no);
CREATE INDEX limit_changes_of_customer ON limit_changes (account, livemode, customer, no);

CREATE TABLE notice_addresses (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT NOT NULL,
    email TEXT NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id),
    UNIQUE (account, livemode, customer, email)
);
CREATE INDEX notice_addresses_of_scope ON notice_addresses (account, livemode, no);
CREATE INDEX notice_addresses_of_customer ON notice_addresses (account, livemode, customer, no);
