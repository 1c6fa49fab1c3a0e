"""SQL that looks back: balances as they stood, the lines of a period, what all accounts add up to.

A line is found by its account and version, both in one index, and the version at an instant by
halving (`ledger_version_at`); no statement here needs an index by time.
"""

from typing import Final

# An account's counters with its newest version: one row, so they belong together.
LINE_AT: Final = """
SELECT v.version, ledger_balance_after($1, v.version) AS balance
  FROM ledger_version_at($1, $2, $3) AS v(version)
"""

# What was promised and taken back within the lines behind $2 up to $3. Costs those lines.
PENDING_WITHIN: Final = """
SELECT coalesce(sum(promised) FILTER (WHERE entry_type = 'DEBIT'), 0) AS debits,
       coalesce(sum(promised) FILTER (WHERE entry_type = 'CREDIT'), 0) AS credits
  FROM (SELECT entry_type, CASE kind WHEN 'reserve' THEN abs(amount) ELSE -abs(amount) END
                           AS promised
          FROM ledger_account_lines
         WHERE account_id = $1 AND account_version > $2 AND account_version <= $3
           AND kind <> 'post') AS step
"""

# Back-dated lines move a balance by value date away from the one by recording: those behind line
# $3 (up to $4) that count already, less those up to $3 that do not count yet. Costs the account's
# back-dated lines.
SHIFTED: Final = """
SELECT coalesce(sum(CASE WHEN effective_at <= $2 AND account_version > $3
                              AND account_version <= $4 THEN amount
                         WHEN effective_at > $2 AND account_version <= $3 THEN -amount
                    END), 0) AS amount
  FROM ledger_account_lines
 WHERE account_id = $1 AND effective_at IS NOT NULL AND kind IN ('post', 'settle')
"""

ENTRIES_BEFORE: Final = """
SELECT e.transfer_id, e.transaction_id, e.account_id, e.amount, e.currency, e.entry_type, e.kind,
       e.code, e.balance_after, e.account_version, e.effective_at, b.at AS created_at
  FROM (SELECT * FROM ledger_account_lines WHERE account_id = $1 AND account_version < $2
         ORDER BY account_version DESC LIMIT $3) AS e
  JOIN journal_batches AS b USING (lane, batch)
 ORDER BY e.account_version DESC
"""

ENTRIES_OF_CHANGE: Final = """
SELECT e.transfer_id, e.transaction_id, e.account_id, e.amount, e.currency, e.entry_type, e.kind,
       e.code, e.balance_after, e.account_version, e.effective_at, b.at AS created_at
  FROM ledger_account_lines AS e JOIN journal_batches AS b USING (lane, batch)
 WHERE e.transfer_id >= $1 AND e.transfer_id < $2 AND e.transaction_id = $1
 ORDER BY e.transfer_id, e.entry_type DESC
"""

# A period by recording: the lines behind version $2 up to $3 that moved money.
PERIOD_TOTALS: Final = """
SELECT count(*), coalesce(sum(-amount) FILTER (WHERE amount < 0), 0),
       coalesce(sum(amount) FILTER (WHERE amount > 0), 0)
  FROM ledger_account_lines
 WHERE account_id = $1 AND account_version > $2 AND account_version <= $3
   AND kind IN ('post', 'settle')
"""
PERIOD_LINES: Final = """
SELECT e.transfer_id, e.transaction_id, e.account_id, e.amount, e.currency, e.entry_type, e.kind,
       e.code, e.balance_after, e.account_version, e.effective_at, b.at AS created_at
  FROM (SELECT * FROM ledger_account_lines
         WHERE account_id = $1 AND account_version > $2 AND account_version <= $3
           AND kind IN ('post', 'settle')
         ORDER BY account_version LIMIT $4) AS e
  JOIN journal_batches AS b USING (lane, batch)
 ORDER BY e.account_version
"""

# A period by value date, [$2, $3): the lines recorded in it and not back-dated, which are those
# behind version $4 up to $5, and the back-dated ones with a date in it, up to version $6.
VALUE_TOTALS: Final = """
SELECT count(*), coalesce(sum(-amount) FILTER (WHERE amount < 0), 0),
       coalesce(sum(amount) FILTER (WHERE amount > 0), 0)
  FROM (SELECT amount FROM ledger_account_lines
         WHERE account_id = $1 AND account_version > $4 AND account_version <= $5
           AND effective_at IS NULL AND kind IN ('post', 'settle')
         UNION ALL
        SELECT amount FROM ledger_account_lines
         WHERE account_id = $1 AND effective_at >= $2 AND effective_at < $3
           AND account_version <= $6 AND kind IN ('post', 'settle')) AS line
"""
# The balance after each line follows from the opening balance $7; $8 is the side: 1 or -1.
VALUE_LINES: Final = """
WITH line AS (
    SELECT e.*, b.at AS created_at, coalesce(e.effective_at, b.at) AS value_at
      FROM (SELECT * FROM ledger_account_lines
             WHERE account_id = $1 AND account_version > $4 AND account_version <= $5
               AND effective_at IS NULL AND kind IN ('post', 'settle')
             UNION ALL
            SELECT * FROM ledger_account_lines
             WHERE account_id = $1 AND effective_at >= $2 AND effective_at < $3
               AND account_version <= $6 AND kind IN ('post', 'settle')) AS e
      JOIN journal_batches AS b USING (lane, batch)
), followed AS (
    SELECT *, sum(amount) OVER (ORDER BY value_at, account_version) AS moved FROM line
)
SELECT transfer_id, transaction_id, account_id, amount, currency, entry_type, kind, code,
       ($7::bigint + $8::bigint * moved)::bigint AS balance_after, account_version, effective_at,
       created_at
  FROM followed WHERE (value_at, account_version) > ($9, $10)
 ORDER BY value_at, account_version LIMIT $11
"""

# What `TOTALS` would cost for an instant: the lines of all accounts, two a transfer, and the
# probes that halving takes for each account that moved since.
TOTALS_COST: Final = """
SELECT coalesce(sum(version), 0) AS lines,
       coalesce(sum(ceil(ln(version + 1) / ln(2))) FILTER (WHERE last_at > $1), 0) AS probes
  FROM ledger_accounts
"""

# Every account's balance as recorded up to $1 (null: now) and by value date up to $2 (null: by
# recording), debits positive, added up by currency and by which of the patterns $3 its code has.
# What an account held at a past instant is found by halving, or, with $5, by taking from what it
# holds now all that moved since, in one walk through the transfers.
TOTALS: Final = """
WITH cut AS MATERIALIZED (
    SELECT least($1::timestamptz, $2::timestamptz) AS at
), since AS (
    SELECT side.id, sum(side.amount) AS amount
      FROM cut, journal_batches AS b JOIN ledger_transfers AS t USING (lane, batch)
     CROSS JOIN LATERAL (VALUES (t.debit, t.amount), (t.credit, -t.amount)) AS side(id, amount)
     WHERE $5 AND b.at > cut.at AND t.kind IN ('post', 'settle')
     GROUP BY side.id
), standing AS (
    SELECT a.id, a.code, a.currency, a.normal_side,
           CASE WHEN cut.at IS NULL OR a.last_at <= cut.at
                THEN a.debits_posted::numeric - a.credits_posted
                WHEN $5 THEN a.debits_posted::numeric - a.credits_posted - coalesce(s.amount, 0)
                ELSE CASE a.normal_side WHEN 'debit' THEN 1 ELSE -1 END
                     * ledger_balance_after(a.id, ledger_version_at(a.id, a.version, cut.at))
           END AS net
      FROM cut, ledger_accounts AS a LEFT JOIN since AS s USING (id)
), back_dated AS (
    SELECT side.id, sum(side.amount) AS amount
      FROM cut, journal_batches AS b JOIN ledger_transfers AS t USING (lane, batch)
     CROSS JOIN LATERAL (VALUES (t.debit, t.amount), (t.credit, -t.amount)) AS line(id, amount)
     CROSS JOIN LATERAL (
           SELECT line.id,
                  CASE WHEN t.effective_at <= $2 AND b.at > cut.at
                            AND ($1::timestamptz IS NULL OR b.at <= $1) THEN line.amount
                       WHEN t.effective_at > $2 AND b.at <= cut.at THEN -line.amount
                       ELSE 0 END AS amount) AS side
     WHERE $2::timestamptz IS NOT NULL AND t.effective_at IS NOT NULL AND t.kind = 'post'
     GROUP BY side.id
), totalled AS (
    SELECT s.currency, s.normal_side, p.number, s.net + coalesce(x.amount, 0) AS net
      FROM standing AS s LEFT JOIN back_dated AS x USING (id)
      LEFT JOIN unnest($3::text[]) WITH ORDINALITY AS p(pattern, number) ON s.code LIKE p.pattern
     WHERE $4::text IS NULL OR s.currency = $4
)
SELECT currency, number - 1 AS pattern, normal_side, count(*) AS accounts,
       sum(greatest(net, 0)) AS debit, sum(greatest(-net, 0)) AS credit
  FROM totalled WHERE net <> 0
 GROUP BY currency, number, normal_side ORDER BY currency, number, normal_side
"""

# Export -----------------------------------------------------------------------------------------

# In the order of their ids, which is the primary key's: nothing is sorted, nothing kept.
WRITTEN: Final = """
SELECT t.id, coalesce(t.part_of, t.id) AS change_id, t.amount, t.currency, t.code, t.kind,
       t.effective_at, b.at AS created_at,
       t.debit, d.code AS debit_code, t.debit_balance, t.debit_version,
       t.credit, c.code AS credit_code, t.credit_balance, t.credit_version
  FROM ledger_transfers AS t
  JOIN journal_batches AS b USING (lane, batch)
  JOIN ledger_accounts AS d ON d.id = t.debit
  JOIN ledger_accounts AS c ON c.id = t.credit
 WHERE ($1::timestamptz IS NULL OR b.at >= $1) AND ($2::timestamptz IS NULL OR b.at < $2)
 ORDER BY t.id
"""

# Balances just before $1 (null: now), debits positive.
STANDING: Final = """
SELECT id, code, currency, normal_side, closed_at,
       CASE normal_side WHEN 'debit' THEN 1 ELSE -1 END *
       CASE WHEN $1::timestamptz IS NULL OR last_at < $1
            THEN CASE normal_side WHEN 'debit' THEN debits_posted - credits_posted
                      ELSE credits_posted - debits_posted END
            ELSE ledger_balance_after(
                     id, ledger_version_at(id, version, $1 - interval '1 microsecond'))
       END AS net_minor
  FROM ledger_accounts ORDER BY code
"""

FIRST_AT: Final = """
SELECT least((SELECT min(at) FROM journal_batches WHERE transfers > 0),
             (SELECT min(effective_at) FROM ledger_transfers WHERE effective_at IS NOT NULL))
"""
