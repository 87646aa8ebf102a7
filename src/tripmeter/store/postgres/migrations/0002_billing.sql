-- What is sold, to whom, and what is billed for it. Objects are documents, as in 0001.

CREATE TABLE products (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    active boolean NOT NULL,
    deleted boolean NOT NULL,
    type text NOT NULL,
    shippable boolean,
    url text,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX products_of_scope ON products (account, livemode, no);

CREATE TABLE prices (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    active boolean NOT NULL,
    product text NOT NULL,
    currency text NOT NULL,
    lookup_key text,
    meter text,
    type text NOT NULL,
    interval_unit text,
    usage_type text,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX prices_of_scope ON prices (account, livemode, no);
CREATE INDEX prices_of_product ON prices (account, livemode, product, no);
CREATE UNIQUE INDEX prices_by_lookup_key ON prices (account, livemode, lookup_key);

CREATE TABLE coupons (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    deleted boolean NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX coupons_of_scope ON coupons (account, livemode, no);

CREATE TABLE promotion_codes (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    code text NOT NULL,
    coupon text NOT NULL,
    customer text,
    active boolean NOT NULL,
    expires_at bigint,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX promotion_codes_of_scope ON promotion_codes (account, livemode, no);
CREATE INDEX promotion_codes_by_code ON promotion_codes (account, livemode, code, no);

CREATE TABLE discounts (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX discounts_of_scope ON discounts (account, livemode, no);

CREATE TABLE tax_rates (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    active boolean NOT NULL,
    inclusive boolean NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX tax_rates_of_scope ON tax_rates (account, livemode, no);

CREATE TABLE subscriptions (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text NOT NULL,
    status text NOT NULL,
    collection_method text NOT NULL,
    clock text,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX subscriptions_of_scope ON subscriptions (account, livemode, no);
CREATE INDEX subscriptions_of_customer ON subscriptions (account, livemode, customer, no);

CREATE TABLE subscription_items (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    subscription text NOT NULL,
    customer text NOT NULL,
    price text NOT NULL,
    meter text,
    deleted boolean NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX subscription_items_of_subscription ON subscription_items (account, livemode, subscription, no);
CREATE INDEX subscription_items_of_customer ON subscription_items (account, livemode, customer, meter, no);
CREATE INDEX subscription_items_of_meter ON subscription_items (account, livemode, meter, customer);

-- One invoice for a period's ordinal: a retry, a crash or two workers never issue two.
CREATE TABLE invoices (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text NOT NULL,
    subscription text,
    status text NOT NULL,
    collection_method text NOT NULL,
    period_start_ms bigint NOT NULL,
    ordinal bigint,
    due_ms bigint,
    token text,
    deleted boolean NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id),
    UNIQUE (account, livemode, subscription, period_start_ms, ordinal)
);
-- An invoice has a page for people at an address that cannot be guessed.
CREATE UNIQUE INDEX invoices_by_token ON invoices (token);
CREATE INDEX invoices_of_scope ON invoices (account, livemode, no);
CREATE INDEX invoices_of_customer ON invoices (account, livemode, customer, no);
CREATE INDEX invoices_of_subscription ON invoices (account, livemode, subscription, no);

CREATE TABLE invoice_items (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text NOT NULL,
    subscription text,
    invoice text,
    deleted boolean NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX invoice_items_of_customer ON invoice_items (account, livemode, customer, no);
CREATE INDEX invoice_items_of_invoice ON invoice_items (account, livemode, invoice, no);

CREATE TABLE invoice_payments (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    invoice text NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX invoice_payments_of_scope ON invoice_payments (account, livemode, no);
CREATE INDEX invoice_payments_of_invoice ON invoice_payments (account, livemode, invoice, no);

CREATE TABLE balance_transactions (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text NOT NULL,
    invoice text,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX balance_transactions_of_customer ON balance_transactions (account, livemode, customer, no);

CREATE TABLE credit_grants (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX credit_grants_of_scope ON credit_grants (account, livemode, no);
CREATE INDEX credit_grants_of_customer ON credit_grants (account, livemode, customer, no);

CREATE TABLE credit_transactions (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text NOT NULL,
    credit_grant text NOT NULL,
    invoice text,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX credit_transactions_of_scope ON credit_transactions (account, livemode, no);
CREATE INDEX credit_transactions_of_customer ON credit_transactions (account, livemode, customer, no);
CREATE INDEX credit_transactions_of_grant ON credit_transactions (account, livemode, credit_grant, no);

CREATE TABLE features (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    lookup_key text NOT NULL,
    active boolean NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX features_of_scope ON features (account, livemode, no);
CREATE UNIQUE INDEX features_by_lookup_key ON features (account, livemode, lookup_key);

CREATE TABLE product_features (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    product text NOT NULL,
    feature text NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE UNIQUE INDEX product_features_once ON product_features (account, livemode, product, feature);

CREATE TABLE entitlements (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    customer text NOT NULL,
    feature text NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE UNIQUE INDEX entitlements_once ON entitlements (account, livemode, customer, feature);

CREATE TABLE test_clocks (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL,
    account    text NOT NULL,
    livemode   boolean NOT NULL,
    created_ms bigint NOT NULL,
    doc        bytea NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX test_clocks_of_scope ON test_clocks (account, livemode, no);

-- What is due at a time of the world, or of a test clock.
CREATE TABLE agenda (
    no       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account  text NOT NULL,
    livemode boolean NOT NULL,
    task     text NOT NULL,
    subject  text NOT NULL,
    due_ms   bigint NOT NULL,
    clock    text,
    UNIQUE (account, livemode, task, subject)
);
CREATE INDEX agenda_of_the_world ON agenda (due_ms, task, no) WHERE clock IS NULL;
CREATE INDEX agenda_of_clocks ON agenda (account, livemode, clock, due_ms, task, no)
    WHERE clock IS NOT NULL;

-- Customers on a test clock are not listed among the others.
ALTER TABLE customers ADD COLUMN clock text;
