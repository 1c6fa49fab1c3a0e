"""Who takes part in an escrow: found when it is opened, asked before every step.

A step belongs to whom it costs: the buyer releases, the recipient returns, the arbiter decides.
An operator may do everything, since he acts for users and is the arbiter where none is named.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM, account_id, chart
from tallystick.money import Currency
from tallystick.wallets import store
from tallystick.wallets.escrows.decisions import Sides
from tallystick.wallets.escrows.errors import EscrowNotFound, EscrowNotYours, InvalidEscrow
from tallystick.wallets.escrows.folds import EscrowRow
from tallystick.wallets.escrows.terms import Agreement, EscrowTerms, Part, Recipient
from tallystick.wallets.hold_decisions import Receiver
from tallystick.wallets.model import Wallet, WalletNotFound
from tallystick.wallets.wallets import Wallets

BUYER: Final = "buyer"
RECIPIENT: Final = "recipient"
SOLE_RECIPIENT: Final = "sole recipient"
ARBITER: Final = "arbiter"


class Payee(Struct, frozen=True):
    """Who is to be paid, and his share: a wallet, or a merchant's payable. Exactly one of them."""

    wallet_id: UUID | None = None
    merchant_id: UUID | None = None
    share: int = 1


class EscrowWish(Struct, frozen=True, kw_only=True):
    """An escrow as it is asked for."""

    buyer_wallet_id: UUID
    payees: tuple[Payee, ...]
    amount_minor: int
    currency: str
    parts: tuple[Part, ...] = ()
    fee_percent_bp: int = 0
    fee_fixed_minor: int = 0
    arbiter_id: UUID | None = None
    times_out_at: datetime | None = None
    on_timeout: str | None = None
    description: str | None = None


def roles_of(row: EscrowRow, merchant_id: UUID) -> set[str]:
    """What this party is in the escrow."""
    owners = {recipient.owner_id for recipient in row.terms.recipients}
    arbiters = {row.arbiter_id} - {None}
    played = ((BUYER, {row.buyer_id}), (RECIPIENT, owners), (ARBITER, arbiters))
    roles = {role for role, ids in played if merchant_id in ids}
    return roles | ({SOLE_RECIPIENT} if owners == {merchant_id} else set())


def require_role(row: EscrowRow, merchant_id: UUID | None, *allowed: str) -> None:
    """Raises EscrowNotFound for a stranger, EscrowNotYours for a party of another role."""
    if merchant_id is None:
        return
    roles = roles_of(row, merchant_id)
    if not roles:
        raise EscrowNotFound("no such escrow")
    if not roles & set(allowed):
        raise EscrowNotYours(f"this is for the {' or the '.join(allowed)} to do")


@dataclass(frozen=True, slots=True)
class EscrowParties:
    """Finds the parties' wallets and accounts."""

    wallets: Wallets

    async def agree(self, wish: EscrowWish, merchant_id: UUID | None) -> Agreement:
        """The wish with its parties found.

        Raises WalletNotFound, InvalidEscrow, UnknownCurrency (of `money`), EscrowNotYours when the
        caller takes no part.
        """
        buyer = await self.wallet(wish.buyer_wallet_id)
        currency = Currency(wish.currency).code
        if buyer.currency != currency:
            raise InvalidEscrow("currency", "the buyer's wallet holds another currency")
        recipients = [await self._recipient(payee, currency) for payee in wish.payees]
        parties = {buyer.owner_id, wish.arbiter_id, *(r.owner_id for r in recipients)}
        if merchant_id is not None and merchant_id not in parties:
            raise EscrowNotYours("whoever opens an escrow takes part in it")
        await self._require_fees_account(currency)
        return Agreement(
            buyer_wallet_id=buyer.id,
            buyer_id=buyer.owner_id,
            amount_minor=wish.amount_minor,
            currency=currency,
            terms=EscrowTerms(
                recipients=tuple(recipients),
                parts=wish.parts,
                fee_percent_bp=wish.fee_percent_bp,
                fee_fixed_minor=wish.fee_fixed_minor,
            ),
            arbiter_id=wish.arbiter_id,
            times_out_at=wish.times_out_at,
            on_timeout=wish.on_timeout,
        )

    async def sides_of(self, row: EscrowRow) -> Sides:
        """Where this escrow's money may go, as it stands."""
        buyer = await self.wallet(row.buyer_wallet_id)
        receivers = [await self._receiver(recipient) for recipient in row.terms.recipients]
        return Sides(buyer, tuple(receivers))

    async def wallet(self, wallet_id: UUID) -> Wallet:
        """Raises WalletNotFound."""
        wallet = await store.find_wallet(self.wallets.database, wallet_id)
        if wallet is None:
            raise WalletNotFound("no such wallet")
        return wallet

    async def _recipient(self, payee: Payee, currency: str) -> Recipient:
        if payee.wallet_id is not None:
            wallet = await self.wallet(payee.wallet_id)
            if wallet.currency != currency:
                raise InvalidEscrow("recipients", "a recipient's wallet holds another currency")
            return Recipient(wallet.id, wallet.owner_id, payee.share, wallet.id)
        if payee.merchant_id is None:
            raise ValueError("a recipient is a wallet, or a merchant")
        payable = account_id(payee.merchant_id, chart.payable_code(payee.merchant_id, currency))
        if await self.wallets.ledger.find_account(payable) is None:
            raise InvalidEscrow("recipients", "no such merchant is paid in this currency")
        return Recipient(payable, payee.merchant_id, payee.share)

    async def _require_fees_account(self, currency: str) -> None:
        fees = account_id(PLATFORM, chart.fees_code(currency))
        if await self.wallets.ledger.find_account(fees) is None:
            raise InvalidEscrow("currency", "the platform takes no fee in this currency")

    async def _receiver(self, recipient: Recipient) -> Receiver | None:
        if recipient.wallet_id is None:
            return None
        wallet = await self.wallet(recipient.wallet_id)
        money = await self.wallets.money_of(wallet.id)
        return Receiver(wallet, money.balance_minor, await self.wallets.limits_of(wallet))
