-- Who looks at the engine in a browser. Members are in no account: theirs is ''.

CREATE TABLE members (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    email      text NOT NULL,
    invitation text,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX members_of_scope ON members (account, livemode, no);
CREATE UNIQUE INDEX members_by_email ON members (account, livemode, email);
CREATE UNIQUE INDEX members_by_invitation ON members (account, livemode, invitation);

CREATE TABLE sign_ins (
    digest     bytea PRIMARY KEY,
    member     text NOT NULL,
    created_ms bigint NOT NULL,
    expires_ms bigint NOT NULL
);
CREATE INDEX sign_ins_of_member ON sign_ins (member);

-- How much happens, for those who look on.
CREATE TABLE minute_counts (
    account     text NOT NULL,
    livemode    boolean NOT NULL,
    minute      bigint NOT NULL,
    counted     bigint NOT NULL,
    refused     bigint NOT NULL,
    fired       bigint NOT NULL,
    delivered   bigint NOT NULL,
    undelivered bigint NOT NULL,
    PRIMARY KEY (account, livemode, minute)
);

-- What all customers together used of a meter, hour by hour: the sum of `hours`. The quantity is
-- high * 10^18 + low, scaled.
CREATE TABLE meter_hours (
    meter_no bigint NOT NULL,
    hour     bigint NOT NULL,
    events   bigint NOT NULL,
    high     bigint NOT NULL,
    low      bigint NOT NULL,
    PRIMARY KEY (meter_no, hour)
);

-- Error reports of a meter are found among all events; no other event has an entry here.
CREATE INDEX events_error_reports ON events (account, livemode, object_id, no)
    WHERE type = 'v1.billing.meter.error_report_triggered';
