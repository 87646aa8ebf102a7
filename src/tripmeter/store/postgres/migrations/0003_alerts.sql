-- Alerts on what is billed and on credits, beside those on the total of a meter.

ALTER TABLE alerts ALTER COLUMN meter DROP NOT NULL;
ALTER TABLE alerts ADD COLUMN subscription text;
ALTER TABLE alerts ADD COLUMN tallied boolean NOT NULL DEFAULT true;
CREATE INDEX alerts_untallied ON alerts (account, livemode, customer) WHERE NOT tallied;

CREATE TABLE alert_notifications (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    alert text NOT NULL,
    subject text NOT NULL,
    action text NOT NULL,
    customer text NOT NULL,
    subscription text,
    activation bigint NOT NULL,
    period bigint NOT NULL,
    turn bigint NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id),
    UNIQUE (account, livemode, alert, subject, activation, period, turn, action)
);
CREATE INDEX alert_notifications_of_scope ON alert_notifications (account, livemode, no);
CREATE INDEX alert_notifications_of_alert
    ON alert_notifications (account, livemode, alert, no);
