"""Routes of payments: intents, payments, refunds, disputes, customers, fee plans."""
