"""The rulings on accounts themselves: opened, frozen, limited, closed, as expected. Pure."""

from collections.abc import Callable
from typing import Any, Final

from tallystick.ledger.hearing import Hearing
from tallystick.ledger.model import (
    Account,
    Close,
    Freeze,
    Frozen,
    Limit,
    Open,
    Refusal,
    Require,
    Side,
)


def _open(hearing: Hearing, verb: Open) -> None:
    account = Account(
        id=verb.account_id,
        code=verb.code,
        currency=verb.currency,
        normal_side=Side(verb.normal_side),
        debits_pending=0,
        debits_posted=0,
        credits_pending=0,
        credits_posted=0,
        overdraft_limit=verb.overdraft_limit_minor,
        frozen=Frozen.NO,
        closed_at=None,
        version=0,
        revision=0,
        last_at=hearing.at,
    )
    hearing.make_account(account)
    hearing.tell(account, "opened", verb)


def _freeze(hearing: Hearing, verb: Freeze) -> None:
    account = hearing.account(verb.account_id)
    account.frozen = Frozen(verb.frozen)
    hearing.tell(account, "frozen", verb)


def _limit(hearing: Hearing, verb: Limit) -> None:
    account = hearing.account(verb.account_id)
    account.overdraft_limit = verb.overdraft_limit_minor
    if verb.overdraft_limit_minor is not None and (
        account.available_minor < -verb.overdraft_limit_minor
    ):
        raise Refusal("insufficient_funds", f"account {account.code} is overdrawn beyond that")
    hearing.tell(account, "limited", verb)


def _close(hearing: Hearing, verb: Close) -> None:
    account = hearing.account(verb.account_id)
    if account.posted_minor or account.debits_pending or account.credits_pending:
        raise Refusal("account_not_empty", f"account {account.code} still holds money")
    account.closed_at = hearing.at
    hearing.tell(account, "closed", verb)


def _require(hearing: Hearing, verb: Require) -> None:
    account = hearing.account(verb.account_id)
    if account.version != verb.version:
        raise Refusal(
            "stale_version",
            f"account {account.code} is at version {account.version}, not {verb.version}",
        )


RULINGS: Final[dict[type, Callable[[Hearing, Any], None]]] = {
    Open: _open,
    Freeze: _freeze,
    Limit: _limit,
    Close: _close,
    Require: _require,
}
