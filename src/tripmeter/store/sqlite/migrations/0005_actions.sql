-- Actions on alerts: where messages go, what they say, what became of each, who wants none.

CREATE TABLE alert_targets (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    deleted    INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX alert_targets_of_scope ON alert_targets (account, livemode, no);

CREATE TABLE action_runs (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    alert        TEXT NOT NULL,
    customer     TEXT NOT NULL,
    notification TEXT NOT NULL,
    place        INTEGER NOT NULL,
    type         TEXT NOT NULL,
    state        TEXT NOT NULL,
    lane         TEXT NOT NULL,
    due_ms       INTEGER NOT NULL,
    doc          BLOB NOT NULL,
    UNIQUE (account, livemode, id),
    UNIQUE (account, livemode, notification, place)
);
CREATE INDEX action_runs_of_scope ON action_runs (account, livemode, no);
CREATE INDEX action_runs_of_alert ON action_runs (account, livemode, alert, no);
CREATE INDEX action_runs_of_customer ON action_runs (account, livemode, customer, no);
CREATE INDEX action_runs_due ON action_runs (lane, due_ms) WHERE state = 'pending';

CREATE TABLE mail_templates (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    deleted    INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX mail_templates_of_scope ON mail_templates (account, livemode, no);

CREATE TABLE unsubscribed (
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    address    TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (account, livemode, address)
);
