-- What payments ask of wallets: one row a reference, the book of the rail. Columns stand in the order
-- of the row's fields. Only the journal writes here, each row once.

CREATE TABLE wallet_orders (
    id                       uuid        PRIMARY KEY,
    version                  integer     NOT NULL,
    reference                text        NOT NULL,          -- the payment's own
    authorization_reference  text        NOT NULL,
    order_kind               text        NOT NULL CHECK (
        order_kind IN ('authorization', 'charge', 'capture', 'void', 'refund')),
    status                   text        NOT NULL CHECK (status IN ('approved', 'declined')),
    wallet_id                uuid        NOT NULL,
    hold_id                  uuid,
    amount_minor             bigint      NOT NULL CHECK (amount_minor >= 0),
    currency                 text        NOT NULL,
    code                     text,                          -- why it was declined
    posting_id               uuid,                          -- the change that moved or held the money
    asked_at                 timestamptz NOT NULL,
    CONSTRAINT wallet_orders_concluded CHECK (
        (status = 'approved') = (posting_id IS NOT NULL)
        AND (status = 'declined') = (code IS NOT NULL))
);
CREATE INDEX wallet_orders_reference ON wallet_orders (reference);
CREATE INDEX wallet_orders_authorization ON wallet_orders (authorization_reference, asked_at);
CREATE INDEX wallet_orders_posting ON wallet_orders (posting_id) WHERE posting_id IS NOT NULL;

-- A wallet may be saved with a customer as a card is.
ALTER TABLE payment_methods DROP CONSTRAINT payment_methods_method_kind_check;
ALTER TABLE payment_methods ADD CONSTRAINT payment_methods_method_kind_check
    CHECK (method_kind IN ('card', 'upi', 'wallet'));
CREATE INDEX payment_methods_wallet ON payment_methods (merchant_id, token)
    WHERE method_kind = 'wallet' AND status = 'attached';

GRANT SELECT ON wallet_orders TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON wallet_orders TO tallystick_writer;
