"""`/api/v1/trial-balance`: all accounts at an instant, by currency and class. Operators only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import Field

from tallystick.api.calls import AnyCall
from tallystick.api.fields import CurrencyCode, View, one_of
from tallystick.api.instants import Instant, parse_instant
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.books import chart_classes, draw_up_trial_balance
from tallystick.identity import Permission

PATH: Final = "/api/v1/trial-balance"
_CLASS: Final = one_of(*chart_classes.CLASSES)


class TrialClassView(View):
    """One class of accounts: what those in debit and those in credit add up to."""

    chart_class: Annotated[str, _CLASS]
    debit: int
    credit: int


class TrialLineView(View):
    """The accounts of one kind; those with a balance are counted."""

    chart_class: Annotated[str, _CLASS]
    family: Annotated[str, Field(examples=["merchant:{merchant}:payable:{CUR}"])]
    accounts: int
    debit: int
    credit: int


class TrialCurrencyView(View):
    """One currency, in its minor unit."""

    currency: str
    debit: int
    credit: int
    balanced: Annotated[bool, Field(description="Whether debits equal credits.")]
    classes: list[TrialClassView]
    lines: list[TrialLineView]

    @classmethod
    def of(cls, found: Any) -> "TrialCurrencyView":
        """From the books' currency."""
        return cls(
            currency=found.currency,
            debit=found.debit_minor,
            credit=found.credit_minor,
            balanced=found.is_balanced,
            classes=[
                TrialClassView(
                    chart_class=line.chart_class, debit=line.debit_minor, credit=line.credit_minor
                )
                for line in found.classes
            ],
            lines=[
                TrialLineView(
                    chart_class=line.chart_class,
                    family=line.family,
                    accounts=line.accounts,
                    debit=line.debit_minor,
                    credit=line.credit_minor,
                )
                for line in found.lines
            ],
        )


class TrialBalanceView(View):
    """All accounts as recorded up to `at`, or by value date up to `effective_at`."""

    at: Annotated[datetime | None, Field(description="null is now.")]
    effective_at: datetime | None
    balanced: Annotated[bool, Field(description="In every currency debits equal credits.")]
    currencies: list[TrialCurrencyView]


@dataclass(frozen=True, slots=True)
class TrialBalanceRoutes:
    """The handler of the trial balance."""

    app: App

    async def get_trial_balance(
        self,
        call: AnyCall,
        at: Annotated[Instant | None, Query(description="As recorded up to then.")] = None,
        effective_at: Annotated[
            Instant | None, Query(description="By value date up to then.")
        ] = None,
        currency: CurrencyCode | None = None,
    ) -> TrialBalanceView:
        """All accounts at an instant, by currency and class; debits equal credits."""
        del call
        found = await draw_up_trial_balance(
            self.app.ledger,
            at=parse_instant(at) if at else None,
            effective_at=parse_instant(effective_at) if effective_at else None,
            currency=currency,
        )
        return TrialBalanceView(
            at=found.at,
            effective_at=found.effective_at,
            balanced=found.is_balanced,
            currencies=[TrialCurrencyView.of(each) for each in found.currencies],
        )


def add_trial_balance_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/trial-balance`."""
    routes.get(PATH, TrialBalanceRoutes(app).get_trial_balance, Permission.OPERATE)
