"""All SQL of the books: what proves the ledger and the journal. It only ever reads.

Each statement returns the rows that break a promise, and whatever helps to see why. They are
written as sets (aggregates, windows, anti-joins) so that a million transfers take seconds.
"""

from tallystick.books.proof import slice_store as proof_store
from tallystick.books.proof.checks import Check, LaneHead
from tallystick.money import Currency
from tallystick.platform.postgres.pools import Connection

# A verb of three beats may wait for its provider; recovery looks last after one day and an hour.
CLAIM_RUNS_AT_MOST = "26 hours"
AMOUNT_MINOR_MAX = 10**15
ACCOUNTS_SHOWN = 100  # cached and calculated, in a run's report

# Proofs --------------------------------------------------------------------------------------

LANE_HEADS = """
SELECT lane, seq, position, encode(head, 'hex'), last_at FROM journal_lanes
 WHERE seq > 0 ORDER BY lane
"""


async def allow_time(connection: Connection, seconds: float) -> None:
    """Longer statements and larger sorts than a request may have, until the transaction ends."""
    limit = str(round(seconds * 1000))
    await connection.execute("SELECT set_config('statement_timeout', $1, true)", limit)
    await connection.execute("SELECT set_config('work_mem', '64MB', true)")


async def lane_heads(connection: Connection) -> tuple[LaneHead, ...]:
    """Where the lanes stand in this snapshot; those that were never used are left out."""
    return tuple(LaneHead(*row) for row in await connection.fetch(LANE_HEADS))


def offenders(sql: str, shown: int) -> str:
    """The first offending rows as JSON, and how many there are."""
    return (
        "SELECT count(*) OVER () AS total, row_to_json(broken)::text AS finding"
        f" FROM ({sql}) AS broken LIMIT {shown}"
    )


async def count_rows(connection: Connection, table: str, seconds: float) -> int:
    counted: int = await connection.fetchval(f"SELECT count(*) FROM {table}", timeout=seconds)
    return counted


# Money ---------------------------------------------------------------------------------------

TRIAL_BALANCE = """
SELECT currency, sum(debits_posted) AS debits_posted, sum(credits_posted) AS credits_posted,
       sum(debits_pending) AS debits_pending, sum(credits_pending) AS credits_pending
  FROM ledger_accounts GROUP BY currency
HAVING sum(debits_posted) <> sum(credits_posted) OR sum(debits_pending) <> sum(credits_pending)
"""

# What a transfer posts, and what it promises or takes back of a promise.
_POSTED = "CASE WHEN t.kind IN ('post', 'settle') THEN t.amount ELSE 0 END"
_PENDING = "CASE t.kind WHEN 'post' THEN 0 WHEN 'reserve' THEN t.amount ELSE -t.amount END"

COUNTERS = f"""
WITH moved AS (
    SELECT debit AS id, sum({_PENDING}) AS debits_pending, sum({_POSTED}) AS debits_posted,
           0 AS credits_pending, 0 AS credits_posted, count(*) AS version
      FROM ledger_transfers AS t GROUP BY debit
     UNION ALL
    SELECT credit, 0, 0, sum({_PENDING}), sum({_POSTED}), count(*)
      FROM ledger_transfers AS t GROUP BY credit
), summed AS (
    SELECT id, sum(debits_pending) AS debits_pending, sum(debits_posted) AS debits_posted,
           sum(credits_pending) AS credits_pending, sum(credits_posted) AS credits_posted,
           sum(version) AS version
      FROM moved GROUP BY id
)
SELECT id, a.code, a.normal_side, a.debits_pending, a.debits_posted, a.credits_pending,
       a.credits_posted, a.version, to_json(s) AS transfers_say
  FROM ledger_accounts AS a FULL JOIN summed AS s USING (id)
 WHERE (a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted, a.version)
       IS DISTINCT FROM
       (coalesce(s.debits_pending, 0), coalesce(s.debits_posted, 0),
        coalesce(s.credits_pending, 0), coalesce(s.credits_posted, 0), coalesce(s.version, 0))
"""

_LINES = """
    SELECT t.id AS transfer_id, t.{side} AS account_id, t.{side}_version AS version,
           t.{side}_balance AS balance, b.at,
           CASE WHEN t.kind NOT IN ('post', 'settle') THEN 0
                WHEN a.normal_side = '{side}' THEN t.amount ELSE -t.amount END AS moved
      FROM ledger_transfers AS t
      JOIN ledger_accounts AS a ON a.id = t.{side}
      LEFT JOIN journal_batches AS b USING (lane, batch)
"""
RUNNING_BALANCES = f"""
WITH lines AS ({_LINES.format(side="debit")} UNION ALL {_LINES.format(side="credit")}
), followed AS (
    SELECT *, row_number() OVER account AS expected_version,
           coalesce(lag(balance) OVER account, 0) + moved AS expected_balance,
           lag(at) OVER account AS previous_at
      FROM lines WINDOW account AS (PARTITION BY account_id ORDER BY version)
)
SELECT account_id, transfer_id, version, expected_version, balance, expected_balance, at,
       previous_at
  FROM followed
 WHERE version <> expected_version OR balance <> expected_balance OR at < previous_at
"""

RESERVATIONS = f"""
WITH steps AS (
    SELECT t.reservation_id AS id, sum({_PENDING}) AS remaining,
           sum(t.amount) FILTER (WHERE kind = 'reserve') AS amount,
           bool_and(t.debit = r.debit AND t.credit = r.credit AND t.currency = r.currency)
               AS alike,
           max(t.expires_at) AS promised_until,
           coalesce(bool_or(kind = 'settle'), false) AS settled,
           coalesce(bool_or(kind = 'void'), false) AS voided,
           coalesce(bool_or(kind = 'expire'), false) AS expired,
           max(b.at) FILTER (WHERE kind IN ('reserve', 'settle')) AS last_alive_at,
           min(b.at) FILTER (WHERE kind = 'expire') AS expired_at
      FROM ledger_transfers AS t
      LEFT JOIN ledger_reservations AS r ON r.id = t.reservation_id
      LEFT JOIN journal_batches AS b USING (lane, batch)
     WHERE t.reservation_id IS NOT NULL GROUP BY t.reservation_id
), joined AS (
    SELECT id, r.state, r.amount, r.remaining, r.expires_at, to_json(s) AS transfers_say,
           s.alike AND (r.amount, r.remaining) = (s.amount, s.remaining)
               AND r.expires_at IS NOT DISTINCT FROM s.promised_until AS agrees,
           CASE r.state WHEN 'open' THEN r.remaining > 0 AND NOT (s.voided OR s.expired)
                        WHEN 'settled' THEN r.remaining = 0 AND s.settled AND NOT s.expired
                        WHEN 'voided' THEN r.remaining = 0 AND s.voided AND NOT s.expired
                        WHEN 'expired' THEN r.remaining = 0 AND s.expired AND NOT s.voided
           END AS ended_as_said,
           coalesce(s.last_alive_at < r.expires_at, true)
               AND (NOT s.expired OR s.expired_at >= r.expires_at) AS in_time
      FROM ledger_reservations AS r FULL JOIN steps AS s USING (id)
)
SELECT id, state, amount, remaining, expires_at, transfers_say FROM joined
 WHERE (agrees AND ended_as_said AND in_time) IS NOT TRUE
"""

TRANSFERS = f"""
SELECT t.id, t.kind, t.reservation_id, t.amount, t.currency, d.currency AS debit_currency,
       c.currency AS credit_currency
  FROM ledger_transfers AS t
  LEFT JOIN ledger_accounts AS d ON d.id = t.debit
  LEFT JOIN ledger_accounts AS c ON c.id = t.credit
 WHERE t.currency IS DISTINCT FROM d.currency OR t.currency IS DISTINCT FROM c.currency
    OR t.amount NOT BETWEEN 1 AND {AMOUNT_MINOR_MAX}
    OR t.debit = t.credit
    OR (t.kind = 'post') <> (t.reservation_id IS NULL)
    OR (t.kind = 'reserve') IS DISTINCT FROM coalesce(t.reservation_id = t.id, false)
"""

LIMITS = f"""
SELECT id, code, currency, normal_side, debits_pending, debits_posted, credits_pending,
       credits_posted, overdraft_limit, closed_at
  FROM ledger_accounts
 WHERE overdraft_limit < CASE normal_side
           WHEN 'debit' THEN credits_posted::numeric + credits_pending - debits_posted
           ELSE debits_posted::numeric + debits_pending - credits_posted END
    OR least(debits_pending, debits_posted, credits_pending, credits_posted) < 0
    OR (closed_at IS NOT NULL
        AND (debits_posted <> credits_posted OR debits_pending + credits_pending <> 0))
    OR currency <> ALL ('{{{",".join(currency.code for currency in Currency.all())}}}')
"""

TERMS = """
WITH told AS (
    SELECT aggregate_id, version, kind, at,
           CASE WHEN kind IN ('account.opened', 'account.limited')
                THEN coalesce(data ->> 'overdraft_limit_minor', 'none') END AS limited,
           data ->> 'frozen' AS frozen, data ->> 'code' AS code,
           data ->> 'currency' AS currency, data ->> 'normal_side' AS normal_side
      FROM journal_facts
     WHERE kind IN ('account.opened', 'account.frozen', 'account.limited', 'account.closed')
), latest AS (
    SELECT aggregate_id AS id, max(version) AS revision, max(at) AS at,
           max(code) AS code, max(currency) AS currency, max(normal_side) AS normal_side,
           (array_agg(limited ORDER BY version DESC) FILTER (WHERE limited IS NOT NULL))[1]
               AS limited,
           (array_agg(frozen ORDER BY version DESC) FILTER (WHERE frozen IS NOT NULL))[1]
               AS frozen,
           max(at) FILTER (WHERE kind = 'account.closed') AS closed_at
      FROM told GROUP BY aggregate_id
), moved AS (
    SELECT id, max(at) AS at
      FROM (SELECT debit AS id, max(at) AS at
              FROM ledger_transfers JOIN journal_batches USING (lane, batch) GROUP BY debit
             UNION ALL
            SELECT credit, max(at)
              FROM ledger_transfers JOIN journal_batches USING (lane, batch) GROUP BY credit) AS m
     GROUP BY id
)
SELECT id, a.code, a.currency, a.normal_side, a.overdraft_limit, a.frozen, a.closed_at, a.revision,
       a.last_at, to_json(f) AS facts_say, m.at AS moved_at
  FROM ledger_accounts AS a FULL JOIN latest AS f USING (id) LEFT JOIN moved AS m USING (id)
 WHERE (a.code, a.currency, a.normal_side, coalesce(a.overdraft_limit::text, 'none'), a.frozen,
        a.closed_at, a.revision, a.last_at)
       IS DISTINCT FROM
       (f.code, f.currency, f.normal_side, f.limited, coalesce(f.frozen, 'no'),
        f.closed_at, f.revision, greatest(f.at, m.at))
"""

# The journal ---------------------------------------------------------------------------------

# A running claim is as old as the fact of its subject that its first beat told.
CLAIMS = f"""
WITH astray AS MATERIALIZED (
    SELECT c.id, c.subject_id, c.subject_version
      FROM (SELECT id, subject_id, CASE state WHEN 'done' THEN subject_version ELSE 1 END
                                   AS subject_version
              FROM journal_claims WHERE state <> 'refused') AS c
     WHERE NOT EXISTS (SELECT FROM journal_facts AS f
                        WHERE f.aggregate_id = c.subject_id AND f.version = c.subject_version)
)
SELECT id, subject_id, 'its subject is not in the log' AS fault FROM astray AS a
 WHERE subject_version <> 1
    OR NOT EXISTS (SELECT FROM ledger_transfers AS t WHERE t.id = a.subject_id)
 UNION ALL
SELECT c.id, c.subject_id, 'runs for more than {CLAIM_RUNS_AT_MOST}' FROM journal_claims AS c
  JOIN journal_facts AS f ON f.aggregate_id = c.subject_id AND f.version = c.subject_version
 WHERE c.state = 'running' AND f.at < $1::timestamptz - interval '{CLAIM_RUNS_AT_MOST}'
 UNION ALL
SELECT id, subject_id, 'its outcome does not fit its state' FROM journal_claims
 WHERE (state = 'refused') <> (outcome IS NOT NULL)
"""

FACT_VERSIONS = """
SELECT aggregate_id, count(*) AS facts, min(version) AS first, max(version) AS last
  FROM journal_facts GROUP BY aggregate_id
HAVING count(*) <> max(version) OR min(version) <> 1
    OR sum(version) <> count(*) * (count(*) + 1) / 2
"""

POSITIONS = """
WITH counted AS (
    SELECT lane, batch, count(*) AS facts, min(position) AS first, max(position) AS last,
           sum(position) AS total, min(at) AS at, max(at) AS until
      FROM journal_facts GROUP BY lane, batch
), planned AS (
    SELECT *, coalesce(lag(last_position) OVER lane, 0) AS before
      FROM journal_batches WINDOW lane AS (PARTITION BY lane ORDER BY batch)
)
SELECT lane, batch, p.facts, p.before + 1 AS first_position, p.last_position, p.at,
       to_json(c) AS facts_say
  FROM planned AS p FULL JOIN counted AS c USING (lane, batch)
 WHERE p.lane IS NULL OR p.facts <> coalesce(c.facts, 0) OR p.last_position - p.before <> p.facts
    OR (c.facts > 0 AND ((c.first, c.last, c.at, c.until)
                         <> (p.before + 1, p.last_position, p.at, p.at)
                         OR 2 * c.total <> c.facts * (c.first + c.last)))
"""

BATCHES = """
WITH numbered AS (
    SELECT lane, batch, at, row_number() OVER lane AS expected, lag(at) OVER lane AS previous_at
      FROM journal_batches WINDOW lane AS (PARTITION BY lane ORDER BY batch)
), counted AS (
    SELECT lane, batch, count(*) AS transfers FROM ledger_transfers GROUP BY lane, batch
), last AS (
    SELECT DISTINCT ON (lane) * FROM journal_batches ORDER BY lane, batch DESC
)
SELECT lane, batch, 'out of number or out of time' AS fault FROM numbered
 WHERE batch <> expected OR at < previous_at
 UNION ALL
SELECT lane, batch, 'has other transfers than it counted'
  FROM journal_batches AS b FULL JOIN counted AS c USING (lane, batch)
 WHERE b.transfers IS DISTINCT FROM coalesce(c.transfers, 0)
 UNION ALL
SELECT lane, l.seq, 'the lane does not stand at its last batch'
  FROM journal_lanes AS l FULL JOIN last AS b USING (lane)
 WHERE (l.seq, l.position, l.head, l.last_at) IS DISTINCT FROM
       (coalesce(b.batch, 0), coalesce(b.last_position, 0),
        coalesce(b.head, decode(repeat('00', 32), 'hex')), coalesce(b.at, 'epoch'))
"""

# Trigger type bits: row 1, before 2, insert 4, delete 8, update 16, truncate 32.
APPEND_ONLY = """
WITH guarded(name) AS (VALUES ('journal_facts'), ('journal_batches'), ('ledger_transfers'))
SELECT name, member || ' may ' || privilege AS fault
  FROM guarded, unnest(ARRAY['tallystick_writer', 'tallystick_reader']) AS member,
       unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
 WHERE has_table_privilege(member, name, privilege)
    OR (privilege = 'UPDATE' AND has_any_column_privilege(member, name, privilege))
 UNION ALL
SELECT name, 'its guard is gone or switched off' FROM guarded
 WHERE NOT EXISTS (SELECT FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
                    WHERE t.tgrelid = name::regclass AND t.tgname = 'append_only'
                      AND p.proname = 'journal_refuse_rewriting'
                      AND p.prosrc LIKE '%RAISE EXCEPTION%' AND t.tgqual IS NULL
                      AND t.tgenabled IN ('O', 'A') AND t.tgtype & 59 = 58
                      AND t.tgattr::text = '')
 UNION ALL
SELECT name, format('%s rows were updated and %s deleted', n_tup_upd, n_tup_del)
  FROM guarded JOIN pg_stat_user_tables ON relid = name::regclass
 WHERE n_tup_upd + n_tup_del > 0
"""

CHECKS: tuple[Check, ...] = (
    Check(
        "trial_balance",
        "in every currency all debits equal all credits, posted and pending",
        TRIAL_BALANCE,
        "ledger_accounts",
    ),
    Check(
        "counters",
        "each account's counters and version are the sums over its transfers",
        COUNTERS,
        "ledger_accounts",
        shown=ACCOUNTS_SHOWN,
    ),
    Check(
        "running_balances",
        "each account's lines are numbered without gap, run forward in time, and each balance"
        " follows from the one before",
        RUNNING_BALANCES,
        "ledger_transfers",
    ),
    Check(
        "reservations",
        "each reservation has the amount, the rest and the end that its transfers make",
        RESERVATIONS,
        "ledger_reservations",
    ),
    Check(
        "transfers",
        "each transfer is in the currency of both its accounts and within the largest amount",
        TRANSFERS,
        "ledger_transfers",
    ),
    Check(
        "limits",
        "no account is overdrawn beyond its limit, none is closed with money, every currency is"
        " known",
        LIMITS,
        "ledger_accounts",
    ),
    Check(
        "terms",
        "each account's own terms are what its facts made them",
        TERMS,
        "ledger_accounts",
    ),
    Check(
        "claims",
        f"each claim's subject is in the log; none runs for more than {CLAIM_RUNS_AT_MOST}",
        CLAIMS,
        "journal_claims",
    ),
    Check(
        "fact_versions",
        "the facts of each aggregate are numbered from 1 without gap",
        FACT_VERSIONS,
        "journal_facts",
    ),
    Check(
        "positions",
        "the facts of each lane are numbered from 1 without gap, batch by batch",
        POSITIONS,
        "journal_facts",
    ),
    Check(
        "batches",
        "the batches of each lane are numbered from 1 without gap, run forward in time, count"
        " their transfers, and end where the lane stands",
        BATCHES,
        "journal_batches",
    ),
    Check(
        "append_only",
        "nobody may rewrite facts, batches or transfers, and nobody has",
        APPEND_ONLY,
    ),
    *proof_store.CHECKS,
)
