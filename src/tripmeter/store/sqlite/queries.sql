-- Every statement of the SQLite store, by name. `paged` statements are read twice: forwards with
-- {cursor} as `no <` and {order} as `DESC`, backwards with `no >` and `ASC`.

-- name: get_setting
SELECT value FROM settings WHERE name = :name
-- name: set_setting
INSERT INTO settings (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: insert_account
INSERT INTO accounts (id, account, livemode, created_ms, doc)
VALUES (:id, :account, :livemode, :created_ms, :doc) RETURNING no
-- name: replace_account
UPDATE accounts SET doc = :doc WHERE no = :no
-- name: find_account
SELECT no, doc FROM accounts WHERE account = :account AND livemode = :livemode AND id = :id
-- name: numbered_account
SELECT doc FROM accounts WHERE no = :no
-- name: page_account paged
SELECT no, doc FROM accounts
WHERE account = :account AND livemode = :livemode AND {cursor} ORDER BY {order} LIMIT :limit

-- name: insert_key
INSERT INTO keys (id, account, livemode, created_ms, digest, doc)
VALUES (:id, :account, :livemode, :created_ms, :digest, :doc) RETURNING no
-- name: replace_key
UPDATE keys SET doc = :doc WHERE no = :no
-- name: find_key
SELECT no, doc FROM keys WHERE account = :account AND livemode = :livemode AND id = :id
-- name: numbered_key
SELECT doc FROM keys WHERE no = :no
-- name: page_key paged
SELECT no, doc FROM keys
WHERE account = :account AND livemode = :livemode AND {cursor} ORDER BY {order} LIMIT :limit
-- name: key_by_digest
SELECT doc FROM keys WHERE digest = :digest

-- name: every_account
SELECT doc FROM accounts ORDER BY no
-- name: insert_sign_in
INSERT INTO sign_ins (digest, member, created_ms, expires_ms)
VALUES (:digest, :member, :created_ms, :expires_ms)
-- name: sign_in_by_digest
SELECT digest, member, created_ms, expires_ms FROM sign_ins WHERE digest = :digest
-- name: close_sign_in
DELETE FROM sign_ins WHERE digest = :digest
-- name: close_sign_ins
DELETE FROM sign_ins WHERE member = :member AND digest <> :but
-- name: purge_sign_ins
DELETE FROM sign_ins WHERE expires_ms < :before_ms

-- name: invoice_by_token
SELECT doc FROM invoices WHERE token = :token AND NOT deleted

-- name: insert_stream
INSERT INTO stream_sessions (digest, account, livemode, expires_ms, doc)
VALUES (:digest, :account, :livemode, :expires_ms, :doc)
-- name: stream_by_digest
SELECT doc FROM stream_sessions WHERE digest = :digest
-- name: purge_streams
DELETE FROM stream_sessions WHERE expires_ms < :before_ms

-- name: insert_customer
INSERT INTO customers (id, account, livemode, created_ms, email, deleted, clock, doc)
VALUES (:id, :account, :livemode, :created_ms, :email, :deleted, :clock, :doc) RETURNING no
-- name: replace_customer
UPDATE customers SET email = :email, deleted = :deleted, clock = :clock, doc = :doc
WHERE no = :no
-- name: find_customer
SELECT no, doc FROM customers WHERE account = :account AND livemode = :livemode AND id = :id
-- name: customer_numbers
SELECT id, no FROM customers
WHERE account = :account AND livemode = :livemode AND deleted = 0
  AND id IN (SELECT value FROM json_each(:ids))
-- name: customer_ids
SELECT no, id FROM customers WHERE no IN (SELECT value FROM json_each(:numbers))
-- name: numbered_customer
SELECT doc FROM customers WHERE no = :no
-- name: page_customer paged
SELECT no, doc FROM customers
WHERE account = :account AND livemode = :livemode AND deleted = 0
  AND ((:clock IS NULL AND clock IS NULL) OR clock = :clock)
  AND (:email IS NULL OR email = :email)
  AND (:created_gt IS NULL OR created_ms > :created_gt)
  AND (:created_gte IS NULL OR created_ms >= :created_gte)
  AND (:created_lt IS NULL OR created_ms < :created_lt)
  AND (:created_lte IS NULL OR created_ms <= :created_lte)
  AND {cursor} ORDER BY {order} LIMIT :limit

-- name: insert_meter
INSERT INTO meters (id, account, livemode, created_ms, event_name, status, doc)
VALUES (:id, :account, :livemode, :created_ms, :event_name, :status, :doc) RETURNING no
-- name: replace_meter
UPDATE meters SET status = :status, doc = :doc WHERE no = :no
-- name: find_meter
SELECT no, doc FROM meters WHERE account = :account AND livemode = :livemode AND id = :id
-- name: numbered_meter
SELECT doc FROM meters WHERE no = :no
-- name: page_meter paged
SELECT no, doc FROM meters
WHERE account = :account AND livemode = :livemode
  AND (:status IS NULL OR status = :status)
  AND {cursor} ORDER BY {order} LIMIT :limit
-- name: scopes
SELECT DISTINCT account, livemode FROM meters ORDER BY account, livemode
-- name: credit_scopes
SELECT account, livemode FROM credit_grants
UNION SELECT account, livemode FROM credit_transactions ORDER BY account, livemode
-- name: active_meter
SELECT no, doc FROM meters
WHERE account = :account AND livemode = :livemode AND event_name = :event_name
  AND status = 'active'
-- name: any_meter
SELECT no, doc FROM meters
WHERE account = :account AND livemode = :livemode AND event_name = :event_name
ORDER BY no DESC LIMIT 1

-- name: active_alerts_of_meter
SELECT no, doc FROM alerts
WHERE account = :account AND livemode = :livemode AND meter = :meter AND status = 'active'
  AND tallied
ORDER BY no
-- name: all_alerts_of_meter
SELECT no, doc FROM alerts
WHERE account = :account AND livemode = :livemode AND meter = :meter AND tallied ORDER BY no
-- name: untallied_alerts
SELECT no, doc FROM alerts
WHERE account = :account AND livemode = :livemode AND NOT tallied
  AND (customer IS NULL OR customer = :customer) AND status = 'active'
ORDER BY no
-- name: count_alerts
SELECT count(*) FROM alerts
WHERE account = :account AND livemode = :livemode AND meter = :meter AND status <> 'archived'
  AND customer IS :customer
-- name: activations
SELECT number, kind, position, closed_at, opened_ms FROM activations
WHERE alert_no = :alert_no ORDER BY number
-- name: insert_activation
INSERT INTO activations (alert_no, number, kind, position, closed_at, opened_ms)
VALUES (:alert_no, :number, :kind, :position, :closed_at, :opened_ms)
-- name: close_activations
UPDATE activations SET closed_at = :position WHERE alert_no = :alert_no AND closed_at IS NULL

-- name: insert_firing
INSERT INTO firings (id, account, livemode, created_ms, alert_no, meter_no, customer_no, activation,
                     position, alert, customer, doc)
VALUES (:id, :account, :livemode, :fired_ms, :alert_no, :meter_no, :customer_no, :activation,
        :position, :alert, :customer, :doc) RETURNING no
-- name: replace_firing
UPDATE firings SET doc = :doc WHERE no = :no
-- name: find_firing
SELECT no, doc FROM firings WHERE account = :account AND livemode = :livemode AND id = :id
-- name: numbered_firing
SELECT doc FROM firings WHERE no = :no
-- name: page_firing paged
SELECT no, doc FROM firings
WHERE account = :account AND livemode = :livemode
  AND (:alert IS NULL OR alert = :alert)
  AND (:customer IS NULL OR customer = :customer)
  AND (:created_gt IS NULL OR created_ms > :created_gt)
  AND (:created_gte IS NULL OR created_ms >= :created_gte)
  AND (:created_lt IS NULL OR created_ms < :created_lt)
  AND (:created_lte IS NULL OR created_ms <= :created_lte)
  AND {cursor} ORDER BY {order} LIMIT :limit
-- name: fired
SELECT customer_no, alert_no, activation, position FROM firings
WHERE meter_no = :meter_no
  AND customer_no IN (SELECT value FROM json_each(:customers))
ORDER BY no

-- name: insert_event
INSERT INTO events (id, account, livemode, created_ms, payload, type, object_id, doc)
VALUES (:id, :account, :livemode, :created_ms, :payload, :type, :object_id, :doc) RETURNING no
-- name: replace_event
UPDATE events SET doc = :doc WHERE no = :no
-- name: find_event
SELECT no, doc FROM events WHERE account = :account AND livemode = :livemode AND id = :id
-- name: numbered_event
SELECT doc FROM events WHERE no = :no
-- name: page_event paged
SELECT no, doc FROM events AS e
WHERE account = :account AND livemode = :livemode AND payload = :payload
  AND (:types IS NULL OR type IN (SELECT value FROM json_each(:types)))
  AND (:type_prefix IS NULL OR substr(type, 1, length(:type_prefix)) = :type_prefix)
  AND (:object_id IS NULL OR object_id = :object_id)
  AND (:created_gt IS NULL OR created_ms > :created_gt)
  AND (:created_gte IS NULL OR created_ms >= :created_gte)
  AND (:created_lt IS NULL OR created_ms < :created_lt)
  AND (:created_lte IS NULL OR created_ms <= :created_lte)
  AND (:delivered IS NULL OR :delivered = NOT EXISTS (
        SELECT 1 FROM deliveries AS d WHERE d.event_no = e.no AND d.state <> 'succeeded'))
  AND {cursor} ORDER BY {order} LIMIT :limit

-- name: find_error_report
SELECT no, doc FROM events
WHERE account = :account AND livemode = :livemode AND id = :id
  AND type = 'v1.billing.meter.error_report_triggered'
-- name: page_error_report paged
SELECT no, doc FROM events
WHERE type = 'v1.billing.meter.error_report_triggered'
  AND account = :account AND livemode = :livemode AND object_id = :object_id
  AND {cursor} ORDER BY {order} LIMIT :limit

-- name: insert_endpoint
INSERT INTO endpoints (id, account, livemode, created_ms, kind, doc)
VALUES (:id, :account, :livemode, :created_ms, :kind, :doc) RETURNING no
-- name: replace_endpoint
UPDATE endpoints SET doc = :doc WHERE no = :no
-- name: find_endpoint
SELECT no, doc FROM endpoints
WHERE account = :account AND livemode = :livemode AND id = :id AND deleted = 0
-- name: numbered_endpoint
SELECT doc FROM endpoints WHERE no = :no
-- name: page_endpoint paged
SELECT no, doc FROM endpoints
WHERE account = :account AND livemode = :livemode AND deleted = 0 AND kind = :kind
  AND {cursor} ORDER BY {order} LIMIT :limit
-- name: endpoints_of_scope
SELECT no, doc FROM endpoints
WHERE account = :account AND livemode = :livemode AND deleted = 0 ORDER BY no
-- name: delete_endpoint
UPDATE endpoints SET deleted = 1 WHERE no = :no

-- name: enqueue_delivery
INSERT INTO deliveries (event_no, endpoint_no, state, attempts, created_ms, due_ms, manual)
VALUES (:event_no, :endpoint_no, 'pending', 0, :due_ms, :due_ms, :manual)
RETURNING no, event_no, endpoint_no, state, attempts, created_ms, due_ms, manual
-- name: due_deliveries
SELECT no, event_no, endpoint_no, state, attempts, created_ms, due_ms, manual FROM deliveries
WHERE state = 'pending' AND endpoint_no = :endpoint_no AND due_ms <= :now_ms
ORDER BY due_ms LIMIT :limit
-- name: next_due
SELECT endpoint_no, min(due_ms) FROM deliveries WHERE state = 'pending' GROUP BY endpoint_no
-- name: settle_delivery
UPDATE deliveries SET state = :state, attempts = :attempts, due_ms = :due_ms
WHERE no = :no AND state = 'pending'
-- name: bring_forward
UPDATE deliveries SET due_ms = max(:now_ms, due_ms - :by_ms)
WHERE state = 'pending' AND due_ms > :after_ms
-- name: cancel_pending
UPDATE deliveries SET state = 'canceled' WHERE endpoint_no = :endpoint_no AND state = 'pending'
-- name: pending_count
SELECT count(*) FROM deliveries WHERE event_no = :event_no AND state = 'pending'
-- name: outbox_depth
SELECT count(*) FROM deliveries WHERE state = 'pending'

-- name: pending_of_scope
SELECT count(*), min(d.created_ms) FROM deliveries AS d JOIN endpoints AS e ON e.no = d.endpoint_no
WHERE d.state = 'pending' AND e.account = :account AND e.livemode = :livemode

-- name: add_counts
INSERT INTO minute_counts (account, livemode, minute, counted, refused, fired, delivered, undelivered)
VALUES (:account, :livemode, :minute, :counted, :refused, :fired, :delivered, :undelivered)
ON CONFLICT (account, livemode, minute) DO UPDATE SET
  counted = minute_counts.counted + excluded.counted,
  refused = minute_counts.refused + excluded.refused,
  fired = minute_counts.fired + excluded.fired,
  delivered = minute_counts.delivered + excluded.delivered,
  undelivered = minute_counts.undelivered + excluded.undelivered
-- name: counts_since
SELECT minute, counted, refused, fired, delivered, undelivered FROM minute_counts
WHERE account = :account AND livemode = :livemode AND minute >= :since ORDER BY minute
-- name: fired_since
SELECT coalesce(sum(fired), 0) FROM minute_counts
WHERE account = :account AND livemode = :livemode AND minute >= :since
-- name: drop_counts
DELETE FROM minute_counts WHERE account = :account AND livemode = :livemode AND minute < :before

-- name: insert_attempt
INSERT INTO attempts (id, account, livemode, created_ms, event, endpoint, doc)
VALUES (:id, :account, :livemode, :created_ms, :event, :endpoint, :doc) RETURNING no
-- name: replace_attempt
UPDATE attempts SET doc = :doc WHERE no = :no
-- name: find_attempt
SELECT no, doc FROM attempts WHERE account = :account AND livemode = :livemode AND id = :id
-- name: numbered_attempt
SELECT doc FROM attempts WHERE no = :no
-- name: page_attempt paged
SELECT no, doc FROM attempts
WHERE account = :account AND livemode = :livemode
  AND (:event IS NULL OR event = :event)
  AND (:endpoint IS NULL OR endpoint = :endpoint)
  AND {cursor} ORDER BY {order} LIMIT :limit

-- name: get_reply
SELECT fingerprint, status, body FROM replies
WHERE account = :account AND livemode = :livemode AND key = :key
-- name: keep_reply
INSERT INTO replies (account, livemode, key, created_ms, fingerprint, status, body)
VALUES (:account, :livemode, :key, :created_ms, :fingerprint, :status, :body)
-- name: purge_replies
DELETE FROM replies WHERE created_ms < :before_ms
-- name: purge_reservations
DELETE FROM reservations WHERE expires_ms < :before_ms

-- name: append_log
INSERT INTO usage_log (first, size, received_ms, body)
VALUES (:first, :size, :received_ms, :body)
-- name: last_position
SELECT first + size - 1 FROM usage_log ORDER BY first DESC LIMIT 1
-- name: log_after
SELECT first, size, received_ms, body FROM usage_log
WHERE first >= coalesce((SELECT max(first) FROM usage_log WHERE first <= :position), 0)
  AND first + size - 1 > :position
ORDER BY first LIMIT :limit
-- name: first_since
SELECT min(first) FROM usage_log WHERE received_ms >= :received_ms
-- name: first_since_from
SELECT first FROM usage_log WHERE first >= :position AND received_ms >= :received_ms
ORDER BY first LIMIT 1
-- name: log_row_holding
SELECT first, size, received_ms, body FROM usage_log
WHERE first = (SELECT max(first) FROM usage_log WHERE first <= :position)
  AND first + size > :position

-- name: mark_cancelled
INSERT INTO cancelled (position, cancelled_ms) VALUES (:position, :cancelled_ms)
-- name: is_cancelled
SELECT 1 FROM cancelled WHERE position = :position

-- name: tallies_of
SELECT meter_no, block, body FROM tallies
WHERE meter_no = :meter_no
  AND block IN (SELECT value FROM json_each(:blocks))
ORDER BY block
-- name: all_tallies
SELECT meter_no, block, body FROM tallies
WHERE (meter_no, block) > (:meter_no, :block)
ORDER BY meter_no, block LIMIT :limit
-- name: save_tallies
INSERT INTO tallies (meter_no, block, body) VALUES (:meter_no, :block, :body)
ON CONFLICT (meter_no, block) DO UPDATE SET body = excluded.body
-- name: hours_between
SELECT meter_no, block, hour, body FROM hours
WHERE meter_no = :meter_no AND block = :block AND hour >= :start AND hour < :end
ORDER BY hour
-- name: save_hour
INSERT INTO hours (meter_no, block, hour, body)
VALUES (:meter_no, :block, :hour, :body)
ON CONFLICT (meter_no, block, hour) DO UPDATE SET body = excluded.body

-- name: tallies_of_meter
SELECT meter_no, block, body FROM tallies WHERE meter_no = :meter_no ORDER BY block
-- name: count_tally_blocks
SELECT count(*) FROM tallies WHERE meter_no = :meter_no
-- name: hours_of_meter
SELECT meter_no, block, hour, body FROM hours
WHERE meter_no = :meter_no AND (block, hour) > (:block, :hour) AND hour >= :start AND hour < :end
ORDER BY block, hour LIMIT :limit
-- name: all_hours
SELECT meter_no, block, hour, body FROM hours
WHERE (meter_no, block, hour) > (:meter_no, :block, :hour)
ORDER BY meter_no, block, hour LIMIT :limit
-- name: add_meter_hours
INSERT INTO meter_hours (meter_no, hour, events, high, low)
VALUES (:meter_no, :hour, :events, :high, :low)
ON CONFLICT (meter_no, hour) DO UPDATE SET
  events = meter_hours.events + excluded.events,
  high = meter_hours.high + excluded.high
    + (meter_hours.low + excluded.low) / 1000000000000000000,
  low = (meter_hours.low + excluded.low) % 1000000000000000000
-- name: meter_hours
SELECT hour, events, high, low FROM meter_hours
WHERE meter_no = :meter_no AND hour >= :start AND hour < :end ORDER BY hour

-- name: add_refusal
INSERT INTO refusals (account, livemode, meter_no, code, created_ms, refused, samples)
VALUES (:account, :livemode, :meter_no, :code, :created_ms, :refused, :samples)
-- name: refusals_outside
SELECT no, account, livemode, meter_no, code, created_ms, refused, samples FROM refusals
WHERE created_ms <= :start_ms OR created_ms > :end_ms ORDER BY no
-- name: drop_refusal
DELETE FROM refusals WHERE no = :no

-- name: put_due
INSERT INTO agenda (account, livemode, task, subject, due_ms, clock)
VALUES (:account, :livemode, :task, :subject, :due_ms, :clock)
ON CONFLICT (account, livemode, task, subject)
DO UPDATE SET due_ms = excluded.due_ms, clock = excluded.clock
-- name: drop_due
DELETE FROM agenda
WHERE account = :account AND livemode = :livemode AND task = :task AND subject = :subject
-- name: due_in_the_world
SELECT account, livemode, task, subject, due_ms, clock FROM agenda
WHERE clock IS NULL AND due_ms <= :now_ms ORDER BY due_ms, task, no LIMIT :limit
-- name: due_on_clock
SELECT account, livemode, task, subject, due_ms, clock FROM agenda
WHERE account = :account AND livemode = :livemode AND clock = :clock AND due_ms <= :now_ms
ORDER BY due_ms, task, no LIMIT :limit

-- name: billed_items
SELECT item.doc FROM subscription_items AS item
WHERE item.account = :account AND item.livemode = :livemode AND item.meter = :meter
  AND item.customer IN (SELECT value FROM json_each(:customers))
ORDER BY item.no
-- name: bills_meter
SELECT 1 FROM subscription_items
WHERE account = :account AND livemode = :livemode AND meter = :meter LIMIT 1

-- name: due_lanes
SELECT lane, min(due_ms) FROM action_runs WHERE state = 'pending' GROUP BY lane
-- name: due_runs
SELECT no, doc FROM action_runs
WHERE state = 'pending' AND lane = :lane AND due_ms <= :now_ms ORDER BY due_ms, no LIMIT :limit
-- name: pending_runs
SELECT count(*) FROM action_runs WHERE state = 'pending'
-- name: unsubscribed
SELECT 1 FROM unsubscribed
WHERE account = :account AND livemode = :livemode AND address = :address
-- name: unsubscribe
INSERT INTO unsubscribed (account, livemode, address, created_ms)
VALUES (:account, :livemode, :address, :created_ms) ON CONFLICT DO NOTHING
-- name: subscribe
DELETE FROM unsubscribed
WHERE account = :account AND livemode = :livemode AND address = :address
