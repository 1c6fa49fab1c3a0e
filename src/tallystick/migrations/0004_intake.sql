-- Payments made elsewhere: the tables of document 000, under its names where the house leaves
-- them free (its `payments` is `recorded_payments`; `payments` belongs to the rails).

CREATE TABLE recorded_payments (
    id                   uuid           DEFAULT gen_random_uuid(),
    reference_number     varchar(255)   NOT NULL,
    loan_account_number  varchar(20)    NOT NULL,
    cif                  varchar(20)    NOT NULL,
    amount               decimal(15,2)  NOT NULL,   -- major units
    payment_date         timestamp      NOT NULL,   -- UTC
    payment_channel      varchar(100),
    source               varchar(50)    NOT NULL,   -- 'staging' or 'webhook'
    metadata             jsonb,
    created_at           timestamp      DEFAULT now(),
    currency             text           NOT NULL,
    PRIMARY KEY (id, payment_date)
) PARTITION BY RANGE (payment_date);

CREATE INDEX idx_payments_reference ON recorded_payments (reference_number);
CREATE INDEX idx_payments_loan_account ON recorded_payments (loan_account_number, payment_date DESC);
CREATE INDEX idx_payments_cif ON recorded_payments (cif, payment_date DESC);
CREATE INDEX idx_payments_created_at ON recorded_payments (created_at);

CREATE TABLE payment_references (
    reference_number  varchar(255)  PRIMARY KEY,
    payment_id        uuid          NOT NULL,
    payment_date      timestamp     NOT NULL,
    created_at        timestamp     DEFAULT now()
);
CREATE INDEX idx_payment_refs_created ON payment_references (created_at);

CREATE TABLE staging_process_log (
    id                 uuid         PRIMARY KEY DEFAULT gen_random_uuid(),
    batch_start_id     bigint       NOT NULL,
    batch_end_id       bigint       NOT NULL,
    total_records      integer      NOT NULL,
    processed_records  integer      DEFAULT 0,
    duplicate_records  integer      DEFAULT 0,
    error_records      integer      DEFAULT 0,
    status             varchar(50)  DEFAULT 'processing',
    started_at         timestamp    DEFAULT now(),
    completed_at       timestamp,
    error_details      jsonb
);

-- Written by an ETL outside the house.
CREATE TABLE payment_staging (
    id                   bigserial      PRIMARY KEY,
    reference_number     varchar(255)   NOT NULL,
    loan_account_number  varchar(20)    NOT NULL,
    cif                  varchar(20)    NOT NULL,
    amount               decimal(15,2)  NOT NULL,
    payment_date         timestamp      NOT NULL,
    payment_channel      varchar(100),
    metadata             jsonb,
    processed            boolean        DEFAULT FALSE,
    processed_at         timestamp,
    created_at           timestamp      DEFAULT now()
);

-- Partitions: one a month, no default, so that a date beyond them is refused and not mislaid.

-- ATTACH takes a weaker lock on the parent than CREATE ... PARTITION OF: payments go on being
-- recorded meanwhile. The same lock lets only one maker in at a time.
CREATE FUNCTION intake_make_partitions(first date, last date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    month date;
    name  text;
BEGIN
    LOCK TABLE recorded_payments IN SHARE UPDATE EXCLUSIVE MODE;
    FOR month IN
        SELECT generate_series(date_trunc('month', first::timestamp), last, interval '1 month')
    LOOP
        name := to_char(month, '"recorded_payments_"YYYY_MM');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE recorded_payments INCLUDING ALL)', name);
        EXECUTE format('ALTER TABLE recorded_payments ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       name, month, (month + interval '1 month')::date);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION intake_make_partitions FROM PUBLIC;

SELECT intake_make_partitions((today - interval '12 months')::date, (today + interval '3 months')::date)
  FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AS today) AS clock;

GRANT SELECT ON recorded_payments, payment_references, staging_process_log, payment_staging
    TO tallystick_writer, tallystick_reader;
GRANT INSERT ON recorded_payments, payment_references, staging_process_log, payment_staging
    TO tallystick_writer;
GRANT USAGE ON SEQUENCE payment_staging_id_seq TO tallystick_writer;
