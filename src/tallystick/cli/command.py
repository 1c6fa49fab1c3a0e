"""What all commands have in common: an example in their help, and an honest end."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from tallystick.cli.failures import told_failures

Command = Callable[..., Any]


def command(group: typer.Typer, name: str, *, example: str) -> Callable[[Command], Command]:
    """Make a function, plain or async, a command of `group`. Its docstring is the help."""

    def register(run: Command) -> Command:
        @wraps(run)
        def started(*arguments: Any, **options: Any) -> None:
            with told_failures(options.get("output")):
                _finish(run(*arguments, **options))

        group.command(name, epilog=f"Example: {example}")(started)
        return run

    return register


def group(name: str, sentence: str, *, under: typer.Typer) -> typer.Typer:
    """A group of commands, such as `payments`."""
    made = typer.Typer(
        name=name, help=sentence, no_args_is_help=True, add_completion=False, rich_markup_mode=None
    )
    under.add_typer(made)
    return made


def _finish(result: object) -> None:
    if inspect.iscoroutine(result):
        import asyncio

        asyncio.run(result)
