-- Kinds of objects as every engine has them. Under each header stand the filters of its lists:
--
-- objects: <kind> <table> (<columns beside id, account, livemode, created_ms, doc>)
--   AND (CAST(:customer AS text) IS NULL OR customer = :customer)
--
-- A filter that was not given is NULL; {created} stands for bounds of the time of creation.

-- objects: alert alerts (alert_type, meter, customer, subscription, status, tallied)
  AND status <> 'archived'
  AND (CAST(:alert_type AS text) IS NULL OR alert_type = :alert_type)
  AND (CAST(:meter AS text) IS NULL OR meter = :meter)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:subscription AS text) IS NULL OR subscription = :subscription)
-- objects: alert_notification alert_notifications (alert, subject, action, customer, subscription, activation, period, turn)
  AND (CAST(:alert AS text) IS NULL OR alert = :alert)
  AND (CAST(:subject AS text) IS NULL OR subject = :subject)
  AND (CAST(:action AS text) IS NULL OR action = :action)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:subscription AS text) IS NULL OR subscription = :subscription)
{created}
-- objects: product products (active, deleted, type, shippable, url)
  AND NOT deleted
  AND (CAST(:active AS boolean) IS NULL OR active = :active)
  AND (CAST(:type AS text) IS NULL OR type = :type)
  AND (CAST(:shippable AS boolean) IS NULL OR shippable = :shippable)
  AND (CAST(:url AS text) IS NULL OR url = :url)
{created}
-- objects: price prices (active, product, currency, lookup_key, meter, type, interval_unit, usage_type)
  AND (CAST(:active AS boolean) IS NULL OR active = :active)
  AND (CAST(:product AS text) IS NULL OR product = :product)
  AND (CAST(:currency AS text) IS NULL OR currency = :currency)
  AND (CAST(:lookup_key AS text) IS NULL OR lookup_key = :lookup_key)
  AND (CAST(:meter AS text) IS NULL OR meter = :meter)
  AND (CAST(:type AS text) IS NULL OR type = :type)
  AND (CAST(:interval_unit AS text) IS NULL OR interval_unit = :interval_unit)
  AND (CAST(:usage_type AS text) IS NULL OR usage_type = :usage_type)
{created}
-- objects: coupon coupons (deleted)
  AND NOT deleted
{created}
-- objects: promotion_code promotion_codes (code, coupon, customer, active, expires_at)
  AND (CAST(:active AS boolean) IS NULL
    OR (active AND (expires_at IS NULL OR expires_at > CAST(:now AS bigint))) = :active)
  AND (CAST(:code AS text) IS NULL OR code = :code)
  AND (CAST(:coupon AS text) IS NULL OR coupon = :coupon)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
{created}
-- objects: discount discounts ()
{created}

-- objects: tax_rate tax_rates (active, inclusive)
  AND (CAST(:active AS boolean) IS NULL OR active = :active)
  AND (CAST(:inclusive AS boolean) IS NULL OR inclusive = :inclusive)
{created}
-- objects: subscription subscriptions (customer, status, collection_method, clock)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:status AS text) IS NULL OR status = :status)
  AND (CAST(:collection_method AS text) IS NULL OR collection_method = :collection_method)
  AND (CAST(:clock AS text) IS NULL OR clock = :clock)
  AND (CAST(:hide_canceled AS boolean) IS NULL OR status <> 'canceled')
  AND (CAST(:ended AS boolean) IS NULL OR status IN ('canceled', 'incomplete_expired'))
  AND (CAST(:price AS text) IS NULL OR EXISTS (
    SELECT 1 FROM subscription_items AS item
    WHERE item.account = subscriptions.account AND item.livemode = subscriptions.livemode
      AND item.subscription = subscriptions.id AND item.price = :price AND NOT item.deleted))
{created}
-- objects: subscription_item subscription_items (subscription, customer, price, meter, deleted)
  AND NOT deleted
  AND (CAST(:subscription AS text) IS NULL OR subscription = :subscription)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:meter AS text) IS NULL OR meter = :meter)
{created}
-- objects: invoice invoices (customer, subscription, status, collection_method, period_start_ms, ordinal, due_ms, token, deleted)
  AND NOT deleted
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:subscription AS text) IS NULL OR subscription = :subscription)
  AND (CAST(:status AS text) IS NULL OR status = :status)
  AND (CAST(:collection_method AS text) IS NULL OR collection_method = :collection_method)
  AND (CAST(:due_gt AS bigint) IS NULL OR due_ms > :due_gt)
  AND (CAST(:due_gte AS bigint) IS NULL OR due_ms >= :due_gte)
  AND (CAST(:due_lt AS bigint) IS NULL OR due_ms < :due_lt)
  AND (CAST(:due_lte AS bigint) IS NULL OR due_ms <= :due_lte)
{created}
-- objects: invoice_item invoice_items (customer, subscription, invoice, deleted)
  AND NOT deleted
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:subscription AS text) IS NULL OR subscription = :subscription)
  AND (CAST(:invoice AS text) IS NULL OR invoice = :invoice)
  AND (CAST(:pending AS boolean) IS NULL OR (invoice IS NULL) = :pending)
{created}
-- objects: invoice_payment invoice_payments (invoice)
  AND (CAST(:invoice AS text) IS NULL OR invoice = :invoice)
{created}
-- objects: balance_transaction balance_transactions (customer, invoice)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:invoice AS text) IS NULL OR invoice = :invoice)
{created}
-- objects: credit_grant credit_grants (customer)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
{created}
-- objects: credit_transaction credit_transactions (customer, credit_grant, invoice)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:credit_grant AS text) IS NULL OR credit_grant = :credit_grant)
  AND (CAST(:invoice AS text) IS NULL OR invoice = :invoice)
{created}
-- objects: feature features (lookup_key, active)
  AND (CAST(:lookup_key AS text) IS NULL OR lookup_key = :lookup_key)
  AND (CAST(:active AS boolean) IS NULL OR active = :active)
{created}
-- objects: product_feature product_features (product, feature)
  AND (CAST(:product AS text) IS NULL OR product = :product)
  AND (CAST(:feature AS text) IS NULL OR feature = :feature)
{created}
-- objects: entitlement entitlements (customer, feature)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:feature AS text) IS NULL OR feature = :feature)
{created}
-- objects: test_clock test_clocks ()
{created}
-- objects: member members (email, invitation)
  AND (CAST(:email AS text) IS NULL OR email = :email)
  AND (CAST(:invitation AS text) IS NULL OR invitation = :invitation)
{created}
-- objects: alert_target alert_targets (kind, deleted)
  AND NOT deleted
  AND (CAST(:kind AS text) IS NULL OR kind = :kind)
{created}
-- objects: action_run action_runs (alert, customer, notification, place, type, state, lane, due_ms)
  AND (CAST(:alert AS text) IS NULL OR alert = :alert)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:type AS text) IS NULL OR type = :type)
  AND (CAST(:state AS text) IS NULL OR state = :state)
{created}
-- objects: mail_template mail_templates (deleted)
  AND NOT deleted
{created}
-- objects: usage_limit usage_limits (customer, meter, set_by)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:meter AS text) IS NULL OR meter = :meter)
  AND (CAST(:set_by AS text) IS NULL OR set_by = :set_by)
  AND (CAST(:for_all AS boolean) IS NULL OR (customer IS NULL) = :for_all)
{created}
-- objects: access_state access_states (customer, meter, kind, usage_limit)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:usage_limit AS text) IS NULL OR usage_limit = :usage_limit)
-- objects: reservation reservations (customer, meter, status, expires_ms)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
  AND (CAST(:is_open AS boolean) IS NULL OR (status = 'reserved') = :is_open)
{created}
-- objects: limit_change limit_changes (customer)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
{created}
-- objects: notice_address notice_addresses (customer, email)
  AND (CAST(:customer AS text) IS NULL OR customer = :customer)
{created}
