-- Refunds are listed by merchant and state; and what is left of an authorization that was captured
-- in part is given back when its day comes, so such payments are due then.

CREATE INDEX refunds_merchant_status_date
    ON refunds (merchant_id, status, created_at DESC, id DESC);

UPDATE payments SET due_at = authorization_expires_at
 WHERE status IN ('captured', 'partially_refunded', 'refunded')
   AND NOT capture_closed AND captured_minor < authorized_minor AND operation IS NULL;
