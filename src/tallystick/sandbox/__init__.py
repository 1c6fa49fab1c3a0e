"""Sandbox: banks to practise on. Real HTTP servers with books of their own and faults on demand.

Promises: idempotent by the caller's reference; what a bank answered, its book still knows after
`kill -9`; the same seed gives the same ids and delays; every fault can be asked for by a test
token or a magic amount, and `GET` by reference afterwards tells the truth.
Owns no table: each bank keeps its book in an SQLite file of its own. Imports nothing of the house.
"""

from tallystick.sandbox.banks import BANKS
from tallystick.sandbox.book import BankBook, BookInUse, open_book, read_book
from tallystick.sandbox.door import acquirer_app
from tallystick.sandbox.model import Bank, Pace
from tallystick.sandbox.rules import standings
from tallystick.sandbox.server import Sandbox, SandboxPortTaken, serve_sandbox

__all__ = [
    "BANKS",
    "Bank",
    "BankBook",
    "BookInUse",
    "Pace",
    "Sandbox",
    "SandboxPortTaken",
    "acquirer_app",
    "open_book",
    "read_book",
    "serve_sandbox",
    "standings",
]
