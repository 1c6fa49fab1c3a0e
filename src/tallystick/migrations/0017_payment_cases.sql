-- Operator cases: what a provider has not answered for a day. Columns stand in the order of the
-- row's fields. Only the journal writes here. Notes stand sealed, under the subject's key.

CREATE TABLE payment_cases (
    id            uuid        PRIMARY KEY,  -- follows from the object and the reference
    version       integer     NOT NULL,
    status        text        NOT NULL CHECK (status IN ('open', 'resolved')),
    work          text        NOT NULL CHECK (work IN (
        'authorize', 'capture', 'void', 'refund', 'payout')),
    object_id     uuid        NOT NULL,     -- the payment, refund or payout
    owner_id      uuid        NOT NULL,
    subject_id    uuid        NOT NULL,     -- whose key seals the notes
    route         text        NOT NULL,
    reference     text        NOT NULL,     -- the provider knows what was asked by this
    amount_minor  bigint      NOT NULL CHECK (amount_minor > 0),
    currency      text        NOT NULL,
    asked_at      timestamptz NOT NULL,
    looks         integer     NOT NULL,
    looked_by     text        CHECK (looked_by IN ('recovery', 'operator')),
    notes         json        NOT NULL,
    outcome       text,                     -- the fact that ended it
    resolved_at   timestamptz,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CONSTRAINT payment_cases_resolved_with_an_outcome CHECK (
        (status = 'resolved') = (outcome IS NOT NULL)
        AND (status = 'resolved') = (resolved_at IS NOT NULL))
);
CREATE INDEX payment_cases_latest ON payment_cases (created_at DESC, id DESC);
CREATE INDEX payment_cases_open ON payment_cases (created_at DESC, id DESC) WHERE status = 'open';

-- What is not known is rare: these hold those rows alone, so that counting them reads no others.
CREATE INDEX payments_unknown ON payments (id) WHERE operation->>'unknown' = 'true';
CREATE INDEX refunds_unknown ON refunds (id) WHERE operation->>'unknown' = 'true';
CREATE INDEX payouts_open ON payouts (asked_at) WHERE status IN ('pending', 'sent');

GRANT SELECT ON payment_cases TO tallystick_writer, tallystick_reader;
GRANT INSERT, UPDATE ON payment_cases TO tallystick_writer;
