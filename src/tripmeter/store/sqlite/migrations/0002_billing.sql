-- What is sold, to whom, and what is billed for it. Objects are documents, as in 0001.

CREATE TABLE products (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    active INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    type TEXT NOT NULL,
    shippable INTEGER,
    url TEXT,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX products_of_scope ON products (account, livemode, no);

CREATE TABLE prices (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    active INTEGER NOT NULL,
    product TEXT NOT NULL,
    currency TEXT NOT NULL,
    lookup_key TEXT,
    meter TEXT,
    type TEXT NOT NULL,
    interval_unit TEXT,
    usage_type TEXT,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX prices_of_scope ON prices (account, livemode, no);
CREATE INDEX prices_of_product ON prices (account, livemode, product, no);
CREATE UNIQUE INDEX prices_by_lookup_key ON prices (account, livemode, lookup_key);

CREATE TABLE coupons (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX coupons_of_scope ON coupons (account, livemode, no);

CREATE TABLE promotion_codes (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    code TEXT NOT NULL,
    coupon TEXT NOT NULL,
    customer TEXT,
    active INTEGER NOT NULL,
    expires_at INTEGER,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX promotion_codes_of_scope ON promotion_codes (account, livemode, no);
CREATE INDEX promotion_codes_by_code ON promotion_codes (account, livemode, code, no);

CREATE TABLE discounts (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX discounts_of_scope ON discounts (account, livemode, no);

CREATE TABLE tax_rates (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    active INTEGER NOT NULL,
    inclusive INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX tax_rates_of_scope ON tax_rates (account, livemode, no);

CREATE TABLE subscriptions (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT NOT NULL,
    status TEXT NOT NULL,
    collection_method TEXT NOT NULL,
    clock TEXT,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX subscriptions_of_scope ON subscriptions (account, livemode, no);
CREATE INDEX subscriptions_of_customer ON subscriptions (account, livemode, customer, no);

CREATE TABLE subscription_items (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    subscription TEXT NOT NULL,
    customer TEXT NOT NULL,
    price TEXT NOT NULL,
    meter TEXT,
    deleted INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX subscription_items_of_subscription ON subscription_items (account, livemode, subscription, no);
CREATE INDEX subscription_items_of_customer ON subscription_items (account, livemode, customer, meter, no);
CREATE INDEX subscription_items_of_meter ON subscription_items (account, livemode, meter, customer);

-- One invoice for a period's ordinal: a retry, a crash or two workers never issue two.
CREATE TABLE invoices (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT NOT NULL,
    subscription TEXT,
    status TEXT NOT NULL,
    collection_method TEXT NOT NULL,
    period_start_ms INTEGER NOT NULL,
    ordinal INTEGER,
    due_ms INTEGER,
    token TEXT,
    deleted INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id),
    UNIQUE (account, livemode, subscription, period_start_ms, ordinal)
);
-- An invoice has a page for people at an address that cannot be guessed.
CREATE UNIQUE INDEX invoices_by_token ON invoices (token);
CREATE INDEX invoices_of_scope ON invoices (account, livemode, no);
CREATE INDEX invoices_of_customer ON invoices (account, livemode, customer, no);
CREATE INDEX invoices_of_subscription ON invoices (account, livemode, subscription, no);

CREATE TABLE invoice_items (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT NOT NULL,
    subscription TEXT,
    invoice TEXT,
    deleted INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX invoice_items_of_customer ON invoice_items (account, livemode, customer, no);
CREATE INDEX invoice_items_of_invoice ON invoice_items (account, livemode, invoice, no);

CREATE TABLE invoice_payments (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    invoice TEXT NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX invoice_payments_of_scope ON invoice_payments (account, livemode, no);
CREATE INDEX invoice_payments_of_invoice ON invoice_payments (account, livemode, invoice, no);

CREATE TABLE balance_transactions (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT NOT NULL,
    invoice TEXT,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX balance_transactions_of_customer ON balance_transactions (account, livemode, customer, no);

CREATE TABLE credit_grants (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX credit_grants_of_scope ON credit_grants (account, livemode, no);
CREATE INDEX credit_grants_of_customer ON credit_grants (account, livemode, customer, no);

CREATE TABLE credit_transactions (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT NOT NULL,
    credit_grant TEXT NOT NULL,
    invoice TEXT,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX credit_transactions_of_scope ON credit_transactions (account, livemode, no);
CREATE INDEX credit_transactions_of_customer ON credit_transactions (account, livemode, customer, no);
CREATE INDEX credit_transactions_of_grant ON credit_transactions (account, livemode, credit_grant, no);

CREATE TABLE features (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    lookup_key TEXT NOT NULL,
    active INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX features_of_scope ON features (account, livemode, no);
CREATE UNIQUE INDEX features_by_lookup_key ON features (account, livemode, lookup_key);

CREATE TABLE product_features (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    product TEXT NOT NULL,
    feature TEXT NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE UNIQUE INDEX product_features_once ON product_features (account, livemode, product, feature);

CREATE TABLE entitlements (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    customer TEXT NOT NULL,
    feature TEXT NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE UNIQUE INDEX entitlements_once ON entitlements (account, livemode, customer, feature);

CREATE TABLE test_clocks (
    no         INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    livemode   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    doc        BLOB NOT NULL,
    UNIQUE (account, livemode, id)
);
CREATE INDEX test_clocks_of_scope ON test_clocks (account, livemode, no);

-- What is due at a time of the world, or of a test clock.
CREATE TABLE agenda (
    no       INTEGER PRIMARY KEY,
    account  TEXT NOT NULL,
    livemode INTEGER NOT NULL,
    task     TEXT NOT NULL,
    subject  TEXT NOT NULL,
    due_ms   INTEGER NOT NULL,
    clock    TEXT,
    UNIQUE (account, livemode, task, subject)
);
CREATE INDEX agenda_of_the_world ON agenda (due_ms, task, no) WHERE clock IS NULL;
CREATE INDEX agenda_of_clocks ON agenda (account, livemode, clock, due_ms, task, no)
    WHERE clock IS NOT NULL;

-- Customers on a test clock are not listed among the others.
ALTER TABLE customers ADD COLUMN clock TEXT;
