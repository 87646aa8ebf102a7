-- Alerts on what is billed and on credits, beside those on the total of a meter.

DROP INDEX alerts_of_meter;
ALTER TABLE alerts ADD COLUMN watched_meter TEXT;
UPDATE alerts SET watched_meter = meter;
ALTER TABLE alerts DROP COLUMN meter;
ALTER TABLE alerts RENAME COLUMN watched_meter TO meter;
ALTER TABLE alerts ADD COLUMN subscription TEXT;
ALTER TABLE alerts ADD COLUMN tallied INTEGER NOT NULL DEFAULT 1;
CREATE INDEX alerts_of_meter ON alerts (meter, customer, status);
CREATE INDEX alerts_untallied ON alerts (account, livemode, customer) WHERE NOT tallied;

CREATE TABLE alert_notifications (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    alert TEXT NOT NULL,
    subject TEXT NOT NULL,
    action TEXT NOT NULL,
    customer TEXT NOT NULL,
    subscription TEXT,
    activation INTEGER NOT NULL,
    period INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id),
    UNIQUE (account, livemode, alert, subject, activation, period, turn, action)
);
CREATE INDEX alert_notifications_of_scope ON alert_notifications (account, livemode, no);
CREATE INDEX alert_notifications_of_alert
    ON alert_notifications (account, livemode, alert, no);
