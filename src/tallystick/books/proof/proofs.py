"""All that proves the books, wired: on demand, by the timetable, and without pause."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tallystick.books.proof.assertions import Assertions
from tallystick.books.proof.checks import Check, CheckFunction, Proof
from tallystick.books.proof.extents import Limits
from tallystick.books.proof.incremental import IncrementalProof
from tallystick.books.proof.prove import prove
from tallystick.books.proof.reconciliation import Reconciliation
from tallystick.journal import Journal
from tallystick.ledger import Ledger
from tallystick.platform.clock import Clock
from tallystick.platform.postgres.pools import Database
from tallystick.platform.timetable import Job


@dataclass(frozen=True, slots=True)
class Prover:
    """The whole proof, with the checks of every room."""

    database: Database
    journal: Journal
    clock: Clock
    checks: Sequence[Check | CheckFunction]

    async def __call__(
        self, *, since: datetime | None = None, account_id: UUID | None = None
    ) -> Proof:
        """Everything; or what was recorded since, one account, or the two together.

        Raises Overloaded when the database cannot be had.
        """
        limits = Limits(since, account_id)
        return await prove(self.database, self.journal, self.clock, self.checks, limits=limits)


@dataclass(frozen=True, slots=True)
class Proofs:
    """The proofs of one cell. `Proofs.over` makes them."""

    prove: Prover
    assertions: Assertions
    reconciliation: Reconciliation
    incremental: IncrementalProof

    @classmethod
    def over(
        cls,
        journal: Journal,
        database: Database,
        ledger: Ledger,
        clock: Clock,
        *,
        checks: Sequence[Check | CheckFunction] = (),
    ) -> "Proofs":
        """The proofs over these, with the `checks` of the other rooms."""
        prover = Prover(database, journal, clock, checks)
        return cls(
            prover,
            Assertions(journal, database, ledger, clock),
            Reconciliation(journal, database, clock, prover),
            IncrementalProof(journal, database, clock),
        )

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The continuous proof, and the runs that somebody or the calendar asks for."""
        return (
            Job(
                "incremental_proof",
                IncrementalProof.EVERY_S,
                self.incremental.run_once,
                full=IncrementalProof.ROUND_SLICES,
            ),
            Job("reconciliation", Reconciliation.EVERY_S, self.reconciliation.run_due, full=1),
        )
