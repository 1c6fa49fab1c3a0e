"""Learning of disputes: the bank is asked for those behind our place, and each is recorded once.

A dispute's id follows from its payment and the provider's id, and its first fact has version 1: of
any number of readers one records it. The place moves afterwards, in a change of its own; whoever
dies in between reads the same disputes again and finds them recorded.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Change, Conflict, Fact, Refused
from tallystick.ledger import Ledger
from tallystick.payments.case_facts import CASE_KIND_OF, CaseOpened, case_id_of
from tallystick.payments.disputes import store
from tallystick.payments.disputes.beats import DisputeBeats
from tallystick.payments.disputes.decisions import Steps, Strange, Waits, decide_opening
from tallystick.payments.disputes.folds import dispute_id_of, feed_id
from tallystick.payments.disputes.states import FeedRead
from tallystick.payments.errors import NotFound
from tallystick.payments.model import PaymentRow
from tallystick.platform.crash import crash_point
from tallystick.platform.ids import MalformedId, parse_typeid
from tallystick.platform.telemetry import get_logger
from tallystick.rails import Unanswered
from tallystick.rails import disputes as bank

PAGES: Final = 20
"""How many pages one round reads of a route."""
_TRIES: Final = 20
_STRANGE: Final = "dispute"
_log = get_logger("payments.disputes")


class Learned(Struct, frozen=True):
    """What was read: how many new disputes, and how many that have to wait."""

    opened: int = 0
    waiting: int = 0

    def plus(self, other: "Learned") -> "Learned":
        """Both together."""
        return Learned(self.opened + other.opened, self.waiting + other.waiting)


_NOTHING: Final = Learned()


@dataclass(frozen=True)
class DisputeFeed:
    """The reader of every route's disputes."""

    beats: DisputeBeats

    async def read_all(self) -> int:
        """The job: read on, on every route; how many new disputes there were."""
        opened = 0
        for route in self.beats.operations.rails.telling_disputes:
            try:
                opened += (await self.read(route)).opened
            except Exception:  # noqa: BLE001 - one bad route must not stop the others
                _log.exception("dispute_feed_failed", route=route)
        return opened

    async def read(self, route: str) -> Learned:
        """Read on from the recorded place of one route.

        A dispute that has to wait holds the place back, not the disputes behind it.
        """
        feed = await store.find_feed(self.beats.operations.database, feed_id(route))
        begun = place = done = feed.place if feed else 0
        learned = _NOTHING
        for _ in range(PAGES):
            page = await self._next_page(route, place)
            if not page:
                break
            learned = learned.plus(await self._record_page(route, page))
            place = page[-1].place
            done = done if learned.waiting else place
        if done > begun:
            await self._move(route, done, feed.version if feed else 0)
        return learned

    async def _next_page(self, route: str, place: int) -> tuple[bank.Dispute, ...]:
        page = await self.beats.operations.rails.list_disputes(route, place)
        crash_point("disputes.after_learn")
        if isinstance(page, Unanswered):
            _log.warning("dispute_feed_unanswered", route=route, reason=page.reason)
            return ()
        return page

    async def _record_page(self, route: str, page: tuple[bank.Dispute, ...]) -> Learned:
        names = [told.dispute_id for told in page]
        known = await store.list_known(self.beats.operations.database, route, names)
        learned = _NOTHING
        for told in page:
            if told.dispute_id not in known:
                learned = learned.plus(await self._record_or_wait(route, told))
        return learned

    async def _record_or_wait(self, route: str, told: bank.Dispute) -> Learned:
        """One that cannot be recorded waits: those behind it are not its hostages."""
        try:
            return await self._record(route, told)
        except Exception:  # noqa: BLE001 - whatever it is, it is this one dispute's
            _log.exception("dispute_not_recorded", route=route, dispute=told.dispute_id)
            return Learned(waiting=1)

    async def _record(self, route: str, told: bank.Dispute) -> Learned:
        for _ in range(_TRIES):
            payment = await self._payment_of(route, told)
            if payment is None:
                await self._put_before_people(route, told, None, "dispute_unmatched")
                return _NOTHING
            try:
                steps = await self._open(route, told, payment)
            except Conflict:
                dispute_id = dispute_id_of(payment.id, route, told.dispute_id)
                if await store.find_dispute(self.beats.operations.database, dispute_id):
                    return _NOTHING  # another reader was faster
                continue
            if isinstance(steps, Strange):
                await self._put_before_people(route, told, payment, steps.why)
            return Learned(int(isinstance(steps, Steps)), int(isinstance(steps, Waits)))
        return Learned(waiting=1)

    async def _open(
        self, route: str, told: bank.Dispute, payment: PaymentRow
    ) -> Steps | Waits | Strange:
        """With its fee; without, where the merchant has not got both; at last with suspense.

        The bank holds the money back whatever the merchant has: he gives what there is.
        """
        fee_minor = self.beats.fees_minor.get(told.currency, 0)
        for fee_taken_minor in dict.fromkeys((fee_minor, 0)):
            with suppress(Refused):
                return await self._open_by(route, told, payment, fee_minor=fee_taken_minor)
        missing_minor = told.amount_minor - await self._available_minor(payment)
        if 0 < missing_minor < told.amount_minor:
            with suppress(Refused):
                return await self._open_by(route, told, payment, suspense_minor=missing_minor)
        return await self._open_by(route, told, payment, suspense_minor=told.amount_minor)

    async def _open_by(
        self,
        route: str,
        told: bank.Dispute,
        payment: PaymentRow,
        *,
        fee_minor: int = 0,
        suspense_minor: int = 0,
    ) -> Steps | Waits | Strange:
        moment = self.beats.operations.moment(payment.id)
        steps = decide_opening(
            payment, told, route, moment, fee_minor=fee_minor, suspense_minor=suspense_minor
        )
        if isinstance(steps, Steps):
            dispute_id = dispute_id_of(payment.id, route, told.dispute_id)
            await self.beats.record(dispute_id, None, payment, steps, moment)
            crash_point("disputes.after_record")
        return steps

    async def _available_minor(self, payment: PaymentRow) -> int:
        """What the merchant's account would give now, an overdraft included."""
        payable = chart.payable_code(payment.merchant_id, payment.currency)
        account = await Ledger(self.beats.operations.database).find_account(
            account_id(payment.merchant_id, payable)
        )
        return max(0, account.available_minor + (account.overdraft_limit or 0)) if account else 0

    async def _put_before_people(
        self, route: str, told: bank.Dispute, payment: PaymentRow | None, why: str
    ) -> None:
        """Open a case: one for what the provider calls by this name, however often it is read."""
        _log.error(why, route=route, dispute=told.dispute_id)
        operations = self.beats.operations
        case_id = case_id_of(feed_id(route), told.dispute_id, _STRANGE)
        opened = CaseOpened(
            work="dispute",
            object_id=payment.id if payment else case_id,
            owner_id=payment.merchant_id if payment else PLATFORM,
            subject_id=payment.subject_id if payment else case_id,
            route=route,
            reference=told.dispute_id,
            amount_minor=told.amount_minor,
            currency=told.currency,
            asked_at=told.opened_at,
            looks=0,
            cause=why,
        )
        change_id = operations.moment(case_id).change_id
        with suppress(Conflict):  # it was opened before
            fact = Fact(case_id, 1, CASE_KIND_OF[CaseOpened], opened)
            await operations.journal.record(Change(change_id, (fact,)))

    async def _payment_of(self, route: str, told: bank.Dispute) -> PaymentRow | None:
        """The payment whose approved attempt has this reference, on this route."""
        payment_id = _payment_id(told.reference)
        if payment_id is None:
            return None
        try:
            case = await self.beats.operations.load(PaymentRow, payment_id)
        except NotFound:
            return None
        row = case.the_payment()
        tried = {attempt.reference for attempt in row.tried if attempt.route == route}
        return row if told.reference in tried else None

    async def _move(self, route: str, place: int, version: int) -> None:
        moment = self.beats.operations.moment(feed_id(route))
        fact = Fact(feed_id(route), version + 1, "dispute_feed.read", FeedRead(route, place))
        try:
            await self.beats.operations.journal.record(Change(moment.change_id, (fact,)))
        except Conflict:
            return  # another reader moved it, and recorded what he passed


def _payment_id(reference: str) -> UUID | None:
    name, dash, _ = reference.rpartition("-a")
    try:
        return parse_typeid("pay", name) if dash else None
    except MalformedId:
        return None
