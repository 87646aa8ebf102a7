-- Actions on alerts: where messages go, what they say, what became of each, who wants none.

CREATE TABLE alert_targets (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    kind       text NOT NULL,
    deleted    boolean NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX alert_targets_of_scope ON alert_targets (account, livemode, no);

CREATE TABLE action_runs (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    alert        text NOT NULL,
    customer     text NOT NULL,
    notification text NOT NULL,
    place        bigint NOT NULL,
    type         text NOT NULL,
    state        text NOT NULL,
    lane         text NOT NULL,
    due_ms       bigint NOT NULL,
    doc          bytea NOT NULL,
    UNIQUE (account, livemode, id),
    UNIQUE (account, livemode, notification, place)
);
CREATE INDEX action_runs_of_scope ON action_runs (account, livemode, no);
CREATE INDEX action_runs_of_alert ON action_runs (account, livemode, alert, no);
CREATE INDEX action_runs_of_customer ON action_runs (account, livemode, customer, no);
CREATE INDEX action_runs_due ON action_runs (lane, due_ms) WHERE state = 'pending';

CREATE TABLE mail_templates (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    deleted    boolean NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX mail_templates_of_scope ON mail_templates (account, livemode, no);

CREATE TABLE unsubscribed (
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    address    text NOT NULL,
    created_ms bigint NOT NULL,
    PRIMARY KEY (account, livemode, address)
);
