"""All SQL of disputes: one function, one statement. Rows are written by the journal alone, the
documents of the evidence by `add_document`, since they are too large for a fact.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick.books import Check
from tallystick.payments.disputes.folds import DisputeRow, FeedRow
from tallystick.payments.disputes.states import DISPUTE_TABLE
from tallystick.payments.pages import PAGE_MAX, Page, page_of, read_cursor
from tallystick.payments.store import transitions
from tallystick.platform.postgres.pools import Connection, Database

_DISPUTES: Final = f"SELECT {', '.join(DisputeRow.__struct_fields__)} FROM disputes"
_DOCUMENT: Final = "SELECT sealed FROM dispute_documents WHERE id = $1"
_FEEDS: Final = f"SELECT {', '.join(FeedRow.__struct_fields__)} FROM dispute_feeds"


async def find_dispute(database: Database, dispute_id: UUID) -> DisputeRow | None:
    """The dispute with this id."""
    record = await database.fetchrow(f"{_DISPUTES} WHERE id = $1", dispute_id)
    return DisputeRow(*record) if record else None


async def list_known(database: Database, route: str, names: Sequence[str]) -> frozenset[str]:
    """Which of a provider's disputes are recorded."""
    records = await database.fetch(
        "SELECT provider_dispute_id FROM disputes"
        " WHERE route = $1 AND provider_dispute_id = ANY($2)",
        route,
        names,
    )
    return frozenset(record[0] for record in records)


async def list_disputes(
    database: Database,
    merchant_id: UUID | None,
    *,
    payment_id: UUID | None,
    status: str | None,
    cursor: str | None,
    limit: int,
) -> Page[DisputeRow]:
    """The latest disputes of a merchant (None: of all). Raises Invalid (invalid_cursor)."""
    after = read_cursor(cursor) if cursor else None
    created_at, last_id = (after.created_at, after.id) if after else (None, None)
    limit = max(1, min(limit, PAGE_MAX))
    records = await database.fetch(
        f"{_DISPUTES} WHERE ($1::uuid IS NULL OR merchant_id = $1)"
        " AND ($2::uuid IS NULL OR payment_id = $2) AND ($3::text IS NULL OR status = $3)"
        " AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))"
        " ORDER BY created_at DESC, id DESC LIMIT $6",
        merchant_id,
        payment_id,
        status,
        created_at,
        last_id,
        limit + 1,
    )
    return page_of(tuple(DisputeRow(*record) for record in records), limit)


async def list_due(database: Database, now: datetime, limit: int) -> tuple[UUID, ...]:
    """Disputes about which the bank is to be asked, longest due first."""
    records = await database.fetch(
        "SELECT id FROM disputes WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, limit
    )
    return tuple(record[0] for record in records)


async def find_feed(database: Database, feed_id: UUID) -> FeedRow | None:
    """How far a route's disputes are recorded."""
    record = await database.fetchrow(f"{_FEEDS} WHERE id = $1", feed_id)
    return FeedRow(*record) if record else None


# Documents ------------------------------------------------------------------------------------


async def add_document(
    connection: Connection, document_id: UUID, dispute_id: UUID, sealed: bytes, now: datetime
) -> None:
    """Keep a sealed document; one that is there stays."""
    await connection.execute(
        "INSERT INTO dispute_documents (id, dispute_id, sealed, added_at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
        document_id,
        dispute_id,
        sealed,
        now,
    )


async def find_document(source: Database | Connection, document_id: UUID) -> str | None:
    """A document as it is sealed."""
    sealed: bytes | None = await source.fetchval(_DOCUMENT, document_id)
    return None if sealed is None else sealed.decode(errors="replace")


# What must hold -------------------------------------------------------------------------------

# A change's transfers have ids one after another: two accounts give the amount, or one and the fee.
_SET_ASIDE: Final = """
SELECT d.id, d.status, d.booked_to, d.amount_minor, d.fee_minor, d.suspense_minor, p.held, p.fee,
       p.suspense
  FROM disputes d
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(t.amount) FILTER (WHERE t.code = 'dispute'), 0) AS held,
              coalesce(sum(t.amount) FILTER (WHERE t.code = 'dispute_fee'), 0) AS fee,
              coalesce(sum(t.amount) FILTER (WHERE a.code LIKE 'platform:suspense:%'), 0)
                  AS suspense
         FROM (SELECT id, part_of, amount, code, kind, debit FROM ledger_transfers
                WHERE id >= d.posting_id ORDER BY id LIMIT 2) t
         JOIN ledger_accounts a ON a.id = t.debit
        WHERE coalesce(t.part_of, t.id) = d.posting_id AND t.kind = 'post') p
 WHERE (p.held, p.fee, p.suspense) <> (d.amount_minor, d.fee_minor, d.suspense_minor)
    OR d.booked_to <> CASE d.suspense_minor WHEN 0 THEN 'payable' WHEN d.amount_minor
                                            THEN 'suspense' ELSE 'both' END
"""
_CLOSED: Final = """
SELECT d.id, d.status, f.kind, p.moved
  FROM disputes d
  LEFT JOIN journal_facts f ON f.aggregate_id = d.id AND f.version = d.version
 CROSS JOIN LATERAL (
       SELECT coalesce(sum(t.amount), 0) AS moved
         FROM (SELECT id, part_of, amount, code FROM ledger_transfers
                WHERE id >= (f.data->>'posting_id')::uuid ORDER BY id LIMIT 2) t
        WHERE coalesce(t.part_of, t.id) = (f.data->>'posting_id')::uuid
          AND t.code = CASE d.status WHEN 'won' THEN 'dispute_won' ELSE 'dispute_lost' END) p
 WHERE d.closed_at IS NOT NULL AND p.moved <> d.amount_minor
"""
_HELD: Final = """
SELECT coalesce(d.currency, a.currency) AS currency, d.disputed, a.held
  FROM (SELECT currency, sum(amount_minor) AS disputed FROM disputes
         WHERE closed_at IS NULL GROUP BY 1) d
  FULL JOIN (SELECT currency, sum(credits_posted - debits_posted) AS held FROM ledger_accounts
              WHERE code LIKE 'disputes:held:%' GROUP BY 1) a ON a.currency = d.currency
 WHERE coalesce(d.disputed, 0) <> coalesce(a.held, 0)
"""
_PAYMENTS: Final = """
SELECT p.id, p.disputed_minor, p.charged_back_minor, d.disputed, d.charged_back
  FROM payments p
  LEFT JOIN (SELECT payment_id,
                    sum(amount_minor) FILTER (WHERE closed_at IS NULL) AS disputed,
                    sum(amount_minor) FILTER (WHERE status IN ('lost', 'accepted', 'expired'))
                        AS charged_back
               FROM disputes GROUP BY 1) d ON d.payment_id = p.id
 WHERE p.disputed_minor <> coalesce(d.disputed, 0)
    OR p.charged_back_minor <> coalesce(d.charged_back, 0)
    OR p.refunded_minor + p.refund_pending_minor + p.disputed_minor + p.charged_back_minor
       > p.captured_minor
"""
_TWICE: Final = """
SELECT route, provider_dispute_id, count(*) AS disputes
  FROM disputes GROUP BY 1, 2 HAVING count(*) > 1
"""
_DOCUMENTS: Final = """
SELECT d.id, e->>'id' AS document_id, e->>'size_bytes' AS size_bytes, octet_length(c.sealed) AS kept
  FROM disputes d
 CROSS JOIN LATERAL json_array_elements(d.evidence) e
  LEFT JOIN dispute_documents c ON c.id = (e->>'id')::uuid AND c.dispute_id = d.id
 WHERE c.id IS NULL OR octet_length(c.sealed) < (e->>'size_bytes')::bigint
"""
_OVERDUE: Final = """
SELECT id, status, due_at FROM disputes
 WHERE due_at < $1::timestamptz - interval '24 hours'
"""

CHECKS: Final = (
    Check(
        "disputes_set_aside",
        "every dispute set exactly its amount aside, and took exactly its fee",
        _SET_ASIDE,
        "disputes",
    ),
    Check(
        "disputes_closed",
        "every dispute that ended moved exactly its amount, home or to the rail",
        _CLOSED,
        "disputes",
    ),
    Check(
        "disputes_held",
        "what is held for disputes is the sum of the open ones in every currency",
        _HELD,
        "disputes",
    ),
    Check(
        "disputes_of_payments",
        "what a payment counts as disputed and charged back is the sum of its disputes, and with"
        " its refunds never above what was captured",
        _PAYMENTS,
        "disputes",
    ),
    Check("disputes_once", "a provider's dispute is recorded once", _TWICE, "disputes"),
    Check(
        "dispute_documents",
        "every document of the evidence is kept whole",
        _DOCUMENTS,
        "disputes",
    ),
    Check("disputes_looked_at", "no dispute waits a day for its bank to be asked", _OVERDUE),
    transitions("disputes", DISPUTE_TABLE),
)
