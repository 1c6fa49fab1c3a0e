"""What moves when one wallet pays another, and what both wallets' limits say to it. Pure."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from tallystick.books.exchange import QuoteRow, quoting
from tallystick.journal import Fact, Refused
from tallystick.ledger import Post
from tallystick.wallets import limits
from tallystick.wallets.model import Tier, Wallet
from tallystick.wallets.transfers.folds import (
    COMPLETED,
    FAILED,
    POST_CODE,
    TransferTerms,
    WalletTransferCompleted,
    WalletTransferFailed,
)


class Run(Struct, frozen=True):
    """Whose run a transfer is, and when it was due."""

    schedule_id: UUID
    due_at: datetime


class Wish(Struct, frozen=True):
    """One transfer to be made: its id, whose transfer_id it goes by, and its terms."""

    id: UUID
    requester_id: UUID
    terms: TransferTerms
    run: Run | None = None


class Parties(Struct, frozen=True):
    """Both wallets as they stand, with the limits of their tiers."""

    payer: Wallet
    payee: Wallet
    payer_tier: Tier
    payee_tier: Tier
    payee_balance_minor: int


class Exchanged(Struct, frozen=True):
    """What a quote makes of the amount: the posts, what arrives, and that the quote is used."""

    posts: tuple[Post, ...]
    credited_minor: int
    facts: tuple[Fact, ...] = ()


class Moved(Struct, frozen=True):
    """What one transfer records: facts of both wallets and its own, and the money."""

    facts: tuple[Fact, ...]
    posts: tuple[Post, ...]
    told: Fact  # its own, the last of the facts


def require_fitting(terms: TransferTerms, payer: Wallet, payee: Wallet) -> None:
    """Raises Refused: same_account, currency_mismatch."""
    if payer.id == payee.id:
        raise Refused("same_account", "a wallet cannot pay itself")
    if terms.currency != payer.currency:
        raise Refused("currency_mismatch", f"the wallet that pays holds {payer.currency}")
    if terms.quote_id is None and payee.currency != payer.currency:
        raise Refused(
            "currency_mismatch", f"the other wallet holds {payee.currency}: it takes a quote"
        )


def exchanged_by(
    quote: QuoteRow, terms: TransferTerms, payee: Wallet, posting_id: UUID, at: datetime
) -> Exchanged:
    """What the quote makes of these terms, once. Raises QuoteDiffers, QuoteUsed, QuoteExpired."""
    quoting.require_quoted(quote, terms.currency, terms.amount_minor, payee.currency)
    quoting.require_usable(quote, at)
    posts = quoting.transfers_for(quote, terms.from_wallet_id, payee.id)
    return Exchanged(posts, quote.target_minor, (quoting.used_by(quote, posting_id),))


def decide_transfer(
    wish: Wish,
    parties: Parties,
    posting_id: UUID,
    at: datetime,
    exchanged: Exchanged | None = None,
) -> Moved:
    """The whole of a transfer. Raises Refused, and what the limits refuse."""
    terms, payer, payee = wish.terms, parties.payer, parties.payee
    credited_minor = exchanged.credited_minor if exchanged else terms.amount_minor
    limited = (
        limits.outgoing(payer, terms.amount_minor, parties.payer_tier, at),
        limits.incoming(payee, credited_minor, parties.payee_balance_minor, parties.payee_tier),
    )
    told = Fact(wish.id, 1, COMPLETED, _completed(wish, posting_id, exchanged, payee.currency))
    if exchanged:
        return Moved((*limited, *exchanged.facts, told), exchanged.posts, told)
    post = Post(payer.id, payee.id, terms.amount_minor, terms.currency, POST_CODE)
    return Moved((*limited, told), (post,), told)


def decide_failure(wish: Wish, run: Run, code: str) -> Fact:
    """A run that was refused is on record too."""
    terms = wish.terms
    data = WalletTransferFailed(
        transfer_name=terms.transfer_id,
        requester_id=wish.requester_id,
        from_wallet_id=terms.from_wallet_id,
        to_wallet_id=terms.to_wallet_id,
        amount_minor=terms.amount_minor,
        currency=terms.currency,
        code=code,
        schedule_id=run.schedule_id,
        due_at=run.due_at,
    )
    return Fact(wish.id, 1, FAILED, data)


def _completed(
    wish: Wish, posting_id: UUID, exchanged: Exchanged | None, credited_currency: str
) -> WalletTransferCompleted:
    terms, run = wish.terms, wish.run
    return WalletTransferCompleted(
        transfer_name=terms.transfer_id,
        requester_id=wish.requester_id,
        from_wallet_id=terms.from_wallet_id,
        to_wallet_id=terms.to_wallet_id,
        amount_minor=terms.amount_minor,
        currency=terms.currency,
        posting_id=posting_id,
        credited_minor=exchanged.credited_minor if exchanged else None,
        credited_currency=credited_currency if exchanged else None,
        quote_id=terms.quote_id,
        schedule_id=run.schedule_id if run else None,
        due_at=run.due_at if run else None,
    )
