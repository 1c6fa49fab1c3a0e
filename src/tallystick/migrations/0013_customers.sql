-- Customers of merchants and their saved payment methods: what their facts fold into. Columns stand
-- in the order of the rows' fields. Only the journal writes here. Personal text stands in `sealed`,
-- under the customer's own key; of a card or a UPI handle there is a token, never a number.

CREATE TABLE customers (
    id                 uuid        PRIMARY KEY,
    version            integer     NOT NULL,
    merchant_id        uuid        NOT NULL,
    reference          text,                    -- the merchant's own name for it
    status             text        NOT NULL CHECK (status IN ('active', 'closed')),
    methods            integer     NOT NULL CHECK (methods >= 0),  -- attached now
    default_method_id  uuid,
    sealed             text,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    closed_at          timestamptz,
    erased_at          timestamptz,
    CONSTRAINT customers_closed_for_good CHECK (
        (status = 'closed') = (closed_at IS NOT NULL)
        AND (erased_at IS NULL OR (status = 'closed' AND sealed IS NULL))),
    CONSTRAINT customers_default_attached CHECK (default_method_id IS NULL OR methods > 0)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX customers_reference ON customers (merchant_id, reference)
    WHERE status = 'active' AND reference IS NOT NULL;
CREATE INDEX customers_merchant_date ON customers (merchant_id, created_at DESC, id DESC);
CREATE INDEX customers_date ON customers (created_at DESC, id DESC);

CREATE TABLE payment_methods (
    id           uuid        PRIMARY KEY,
    version      integer     NOT NULL,
    merchant_id  uuid        NOT NULL,
    customer_id  uuid        NOT NULL,
    method_kind  text        NOT NULL CHECK (method_kind IN ('card', 'upi')),
    token        text        NOT NULL,
    status       text        NOT NULL CHECK (status IN ('attached', 'detached')),
    sealed       text,                          -- what may be shown of it, under the customer's key
    attached_at  timestamptz NOT NULL,
    detached_at  timestamptz,
    CONSTRAINT payment_methods_detached CHECK ((status = 'detached') = (detached_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX payment_methods_customer ON payment_methods (customer_id, attached_at DESC, id DESC);

-- Whose saved method an intent or a payment is made with, if it is one.
ALTER TABLE intents ADD COLUMN customer_id uuid;
ALTER TABLE payments ADD COLUMN customer_id uuid;
ALTER TABLE payments ADD COLUMN payment_method_id uuid;
ALTER TABLE payments ADD COLUMN off_session boolean NOT NULL DEFAULT false;

GRANT SELECT ON customers, payment_methods TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON customers, payment_methods TO tallystick_writer;
