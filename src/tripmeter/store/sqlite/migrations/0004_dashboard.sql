-- Who looks at the engine in a browser. Members are in no account: theirs is ''.

CREATE TABLE members (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    email      TEXT NOT NULL,
    invitation TEXT,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX members_of_scope ON members (account, livemode, no);
CREATE UNIQUE INDEX members_by_email ON members (account, livemode, email);
CREATE UNIQUE INDEX members_by_invitation ON members (account, livemode, invitation);

CREATE TABLE sign_ins (
    digest     BLOB PRIMARY KEY,
    member     TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sign_ins_of_member ON sign_ins (member);

-- How much happens, for those who look on.
CREATE TABLE minute_counts (
    account     TEXT NOT NULL,
    livemode    INTEGER NOT NULL,
    minute      INTEGER NOT NULL,
    counted     INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    fired       INTEGER NOT NULL,
    delivered   INTEGER NOT NULL,
    undelivered INTEGER NOT NULL,
    PRIMARY KEY (account, livemode, minute)
) WITHOUT ROWID;

-- What all customers together used of a meter, hour by hour: the sum of `hours`. The quantity is
-- high * 10^18 + low, scaled.
CREATE TABLE meter_hours (
    meter_no INTEGER NOT NULL,
    hour     INTEGER NOT NULL,
    events   INTEGER NOT NULL,
    high     INTEGER NOT NULL,
    low      INTEGER NOT NULL,
    PRIMARY KEY (meter_no, hour)
) WITHOUT ROWID;

-- Error reports of a meter are found among all events; no other event has an entry here.
CREATE INDEX events_error_reports ON events (account, livemode, object_id, no)
    WHERE type = 'v1.billing.meter.error_report_triggered';
