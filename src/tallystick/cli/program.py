"""The program: its global options and all its commands."""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import typer

from tallystick.cli.books import add_books
from tallystick.cli.customers import add_customers
from tallystick.cli.demo import add_demo
from tallystick.cli.disputes import add_disputes
from tallystick.cli.doctor import add_doctor
from tallystick.cli.escrows import add_escrows
from tallystick.cli.events import add_events
from tallystick.cli.exchange import add_exchange
from tallystick.cli.fees import add_fees
from tallystick.cli.holds import add_holds
from tallystick.cli.ingest import add_ingest
from tallystick.cli.journal import add_journal
from tallystick.cli.keys import add_keys
from tallystick.cli.ledger import add_ledger
from tallystick.cli.merchants import add_merchants
from tallystick.cli.migrate import add_migrate
from tallystick.cli.payments import add_payments
from tallystick.cli.payouts import add_payouts
from tallystick.cli.queue import add_queue
from tallystick.cli.sandbox import add_sandbox
from tallystick.cli.serve import add_serve
from tallystick.cli.terminal import Format
from tallystick.cli.top_ups import add_top_ups
from tallystick.cli.transfer_schedules import add_transfer_schedules
from tallystick.cli.trigger import add_trigger
from tallystick.cli.up import add_up
from tallystick.cli.version import add_version
from tallystick.cli.wallet_transfers import add_wallet_transfers
from tallystick.cli.wallets import add_wallets
from tallystick.cli.work import add_work


def build_program() -> typer.Typer:
    """The whole of `tallystick`."""
    program = typer.Typer(
        name="tallystick",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        epilog="Begin with: tallystick up",
    )
    program.callback()(root)
    for add in (
        *(add_up, add_demo, add_doctor, add_migrate, add_serve, add_work, add_sandbox),
        *(add_ingest, add_payments, add_trigger, add_customers, add_merchants, add_fees, add_keys),
        *(add_ledger, add_books, add_journal, add_events, add_queue),
        *(add_exchange, add_wallets, add_holds, add_escrows, add_disputes),
        *(add_wallet_transfers, add_transfer_schedules, add_top_ups, add_payouts),
        add_version,
    ):
        add(program)
    return program


@cache
def built_program() -> Callable[..., Any]:
    """The same, ready to be called; who runs many commands in one process waits for it once."""
    return typer.main.get_command(build_program())


def root(
    output: Annotated[Format, typer.Option(help="text, or json for programs.")] = Format.TEXT,
) -> None:
    """Payments with provable books: takes payments, moves money, proves every cent of it."""
    del output  # the commands look it up
