"""Chance with a seed: which payment, which token, which amount."""

from dataclasses import dataclass
from random import Random
from typing import Final

from tests.journeys.payment_machine.fates import MAGIC, SLOW_TOKENS, TOKENS, magic_amounts
from tests.journeys.payment_machine.nouns import Payment, Refund

SLOW_ONE_IN: Final = 150


@dataclass(frozen=True)
class Chance:
    """All that is drawn."""

    random: Random

    def payment(self, payments: list[Payment], likely: tuple[str, ...]) -> Payment:
        """Mostly one for which the verb makes sense."""
        fitting = [payment for payment in payments if payment.status in likely]
        hostile = not fitting or self.random.random() < 0.2
        return self.random.choice(payments if hostile else fitting)

    def refund(self, payments: list[Payment]) -> Refund | None:
        """Mostly one that has not ended; None where there is none at all."""
        refunds = [refund for payment in payments for refund in payment.refunds]
        pending = [refund for refund in refunds if refund.status == "pending"]
        hostile = not pending or self.random.random() < 0.2
        those = refunds if hostile else pending
        return self.random.choice(those) if those else None

    def token(self) -> str:
        if self.random.randrange(SLOW_ONE_IN) == 0:
            return self.random.choice([*SLOW_TOKENS])
        plain = self.random.random() < 0.6
        return "tok_visa" if plain else self.random.choice([*TOKENS])

    def amount(self, verb: str, least: int, most: int) -> int:
        magic = self.random.random() < 0.1
        return self.random.choice(magic_amounts(verb)) if magic else self.plain(least, most)

    def plain(self, least: int, most: int) -> int:
        """An amount that means nothing to a bank."""
        while (amount := self.random.randint(least, most)) in MAGIC:
            pass
        return amount

    def part(self, verb: str, left: int) -> int | None:
        """All that is left, a part of it, a bit more, or a part that makes a bank misbehave."""
        match self.random.randrange(8):
            case 0 | 1:
                return None
            case 2 | 3:
                return self.random.choice(magic_amounts(verb))
            case 4:
                return left + self.random.randint(1, 5_000)
            case _:
                return self.random.randint(1, max(1, left))
