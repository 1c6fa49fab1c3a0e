"""The proof: what the rows themselves say, held against what was promised.

Promises: nothing is called green that was not computed from the rows; a proof says what it left
out; an assertion or a run once recorded stays.
Tables: `balance_assertions`, `reconciliation_runs`, `proof_cursors`; it reads the ledger's and the
journal's. Facts: `assertion.made`, `assertion.withdrawn`, `reconciliation.requested`,
`reconciliation.started`, `reconciliation.ended`, `reconciliation.failed`, `books.proved`.
"""

from tallystick.books.proof.assertions import Assertion, InvalidAssertion
from tallystick.books.proof.checks import Check, CheckFunction, Found, Proof
from tallystick.books.proof.facts import PROJECTIONS as projections
from tallystick.books.proof.facts import AssertionMade, RunRow
from tallystick.books.proof.incremental import Standing
from tallystick.books.proof.proofs import Proofs
from tallystick.books.proof.prove import prove

__all__ = [
    "Assertion",
    "AssertionMade",
    "Check",
    "CheckFunction",
    "Found",
    "InvalidAssertion",
    "Proof",
    "Proofs",
    "RunRow",
    "Standing",
    "projections",
    "prove",
]
