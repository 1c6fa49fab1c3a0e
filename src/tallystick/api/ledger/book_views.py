"""The books' proofs as they look outside: bodies and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    AccountId,
    Body,
    CurrencyCode,
    View,
    example,
    one_of,
)
from tallystick.api.instants import Instant
from tallystick.books.proof import Assertion, RunRow, Standing
from tallystick.platform.ids import typeid

BALANCE_MINOR_MAX = 2**63 - 1

Balance = Annotated[
    int,
    Field(
        ge=-BALANCE_MINOR_MAX,
        le=BALANCE_MINOR_MAX,
        description="In minor units, on the account's normal side; below zero is overdrawn.",
        examples=[1250],
    ),
]
Basis = Annotated[
    Literal["recorded", "effective"],
    Field(description="By when lines were recorded, or by when they count (`effective_at`)."),
]


class ProveBooks(Body):
    """Everything; or what was recorded `since`, one account, or the two together."""

    model_config = example({"account_id": f"acc_{EXAMPLE_SUFFIX}"})

    since: Instant | None = None
    account_id: AccountId | None = None


class AssertBalance(Body):
    """The account stood at `balance` at the instant `at`, or between `at_least` and `at_most`."""

    model_config = example(
        {
            "account_id": f"acc_{EXAMPLE_SUFFIX}",
            "currency": "INR",
            "at": "2026-02-28T18:30:00Z",
            "balance": 1250,
        }
    )

    account_id: AccountId
    currency: CurrencyCode
    at: Instant
    basis: Basis = "recorded"
    balance: Balance | None = None
    at_least: Balance | None = None
    at_most: Balance | None = None


class AssertionView(View):
    """An assertion, and where the books say that the account stood."""

    id: Annotated[str, Field(examples=[f"ast_{EXAMPLE_SUFFIX}"])]
    account_id: str
    currency: str
    at: datetime
    basis: Annotated[str, one_of("recorded", "effective")]
    at_least: int | None
    at_most: int | None
    balance: Annotated[int | None, Field(description="By the books; null while `at` is to come.")]
    holds: Annotated[bool | None, Field(description="Null while `at` is to come, or withdrawn.")]
    created_at: datetime
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, assertion: Assertion) -> "AssertionView":
        """How it looks outside."""
        row = assertion.row
        return cls(
            id=typeid("ast", row.id),
            account_id=typeid("acc", row.account_id),
            currency=row.currency,
            at=row.stood_at,
            basis=row.basis,
            at_least=row.low_minor,
            at_most=row.high_minor,
            balance=assertion.balance_minor,
            holds=assertion.holds,
            created_at=row.made_at,
            withdrawn_at=row.withdrawn_at,
        )


class AssertionPage(View):
    """Some of the assertions, the newest first."""

    data: list[AssertionView]
    next_cursor: str | None


class RunView(View):
    """A reconciliation run and its report.

    `differences` counts broken promises; `by_account` holds cached and calculated balances where
    they differ; `not_proven` is what the run's limits left out.
    """

    id: Annotated[str, Field(examples=[f"run_{EXAMPLE_SUFFIX}"])]
    status: Annotated[str, one_of("queued", "running", "green", "red", "failed")]
    occasion: Annotated[str, one_of("schedule", "request")]
    since: datetime | None
    account_id: str | None
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    accounts: int | None
    transfers: int | None
    differences: int | None
    broken: list[dict[str, Any]]
    by_account: list[dict[str, Any]]
    not_proven: list[str]
    failure: str | None

    @classmethod
    def of(cls, row: RunRow) -> "RunView":
        """How it looks outside."""
        return cls(
            id=typeid("run", row.id),
            status=row.status,
            occasion=row.occasion,
            since=row.since,
            account_id=typeid("acc", row.account_id) if row.account_id else None,
            requested_at=row.requested_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
            accounts=row.accounts,
            transfers=row.transfers,
            differences=row.differences,
            broken=_listed(row.broken),
            by_account=_listed(row.by_account),
            not_proven=_listed(row.not_proven),
            failure=row.failure,
        )


class AcceptedRun(RunView):
    """A run that was asked for: done `here` and now, or left to a `worker` that takes it soon."""

    carried_out: Annotated[str, one_of("here", "worker")]


class RunPage(View):
    """Some of the runs, the newest first."""

    data: list[RunView]
    next_cursor: str | None


class LaneView(View):
    """How far one lane of the log is proven."""

    lane: int
    batch: int
    position: int
    head: Annotated[str, Field(description="The chain's head there: SHA-256 in hexadecimal.")]


class BooksView(View):
    """How far the books are proven without pause, and the newest run that came to its end."""

    proved: list[LaneView]
    proved_at: datetime | None
    age_seconds: Annotated[
        float, Field(description="How long the oldest change that is not proven yet has waited.")
    ]
    differences: int
    findings: list[dict[str, Any]]
    last_run: RunView | None

    @classmethod
    def of(cls, standing: Standing, last_run: RunRow | None) -> "BooksView":
        """How they look outside."""
        return cls(
            proved=[
                LaneView(
                    lane=place.lane, batch=place.batch, position=place.position, head=place.head
                )
                for place in standing.places
            ],
            proved_at=standing.proved_at,
            age_seconds=standing.age_s,
            differences=standing.differences,
            findings=[dict(finding) for finding in standing.findings],
            last_run=RunView.of(last_run) if last_run else None,
        )


def _listed(text: str | None) -> list[Any]:
    found: list[Any] = msgspec.json.decode(text) if text else []
    return found
