-- Limits on usage, access, and what is reserved.

CREATE TABLE usage_limits (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text,
    meter text NOT NULL,
    set_by text NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX usage_limits_of_scope ON usage_limits (account, livemode, no);
CREATE INDEX usage_limits_of_customer ON usage_limits (account, livemode, customer, no);
CREATE INDEX usage_limits_of_meter ON usage_limits (account, livemode, meter, no);

CREATE TABLE access_states (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text NOT NULL,
    meter text NOT NULL,
    kind text NOT NULL,
    usage_limit text NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id),
    UNIQUE (account, livemode, customer, meter, kind, usage_limit)
);
CREATE INDEX access_states_of_scope ON access_states (account, livemode, no);
CREATE INDEX access_states_of_customer ON access_states (account, livemode, customer, no);
CREATE INDEX access_states_of_usage_limit ON access_states (account, livemode, usage_limit, no);

CREATE TABLE reservations (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text NOT NULL,
    meter text NOT NULL,
    status text NOT NULL,
    expires_ms bigint NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX reservations_of_scope ON reservations (account, livemode, no);
CREATE INDEX reservations_of_customer ON reservations (account, livemode, customer, no);
CREATE INDEX reservations_by_end ON reservations (expires_ms);

CREATE TABLE limit_changes (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX limit_changes_of_scope ON limit_changes (account, livemode, no);
CREATE INDEX limit_changes_of_customer ON limit_changes (account, livemode, customer, no);

CREATE TABLE notice_addresses (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text NOT NULL,
    email text NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id),
    UNIQUE (account, livemode, customer, email)
);
CREATE INDEX notice_addresses_of_scope ON notice_addresses (account, livemode, no);
CREATE INDEX notice_addresses_of_customer ON notice_addresses (account, livemode, customer, no);
