"""The books as the hall wires them, with a little money in them."""

from dataclasses import dataclass
from uuid import UUID

from tallystick.books import Accounts, Expiry, Transfers
from tallystick.books.proof import Proofs
from tallystick.journal import Asked, Journal
from tallystick.ledger import Ledger, Open, Post
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import derived_id, new_id
from tallystick.platform.postgres.pools import Database


@dataclass(frozen=True)
class Books:
    """The room's verbs, and names for accounts."""

    database: Database
    journal: Journal
    ledger: Ledger
    accounts: Accounts
    transfers: Transfers
    expiry: Expiry
    proofs: Proofs
    clock: HandClock
    owner: UUID

    def account(self, name: str) -> UUID:
        return derived_id(self.owner, name)

    def post(self, debit: str, credit: str, amount_minor: int, code: str = "sale") -> Post:
        return Post(self.account(debit), self.account(credit), amount_minor, "INR", code)

    async def balance(self, name: str) -> int:
        account = await self.ledger.find_account(self.account(name))
        assert account is not None
        return account.posted_minor


def wired(database: Database, journal: Journal, clock: HandClock) -> Books:
    ledger = Ledger(database)
    return Books(
        database=database,
        journal=journal,
        ledger=ledger,
        accounts=Accounts(journal, clock),
        transfers=Transfers(journal, ledger, clock),
        expiry=Expiry(journal, ledger, clock),
        proofs=Proofs.over(journal, database, ledger, clock),
        clock=clock,
        owner=new_id(clock.now(), 7),
    )


async def furnish(books: Books) -> None:
    """`bank` without limit; `alice` with 100.00, `bob` and `fees` with nothing."""
    await books.accounts.ensure_open(
        [
            Open(books.account("bank"), "bank", "INR", "debit", None),
            *(Open(books.account(n), n, "INR", "credit", 0) for n in ("alice", "bob", "fees")),
        ]
    )
    await books.transfers.post_one(books.post("bank", "alice", 10_000, "fund"))


def asked(key: str, body: str = "body") -> Asked:
    return Asked("shop:transfers", key, body.encode())
