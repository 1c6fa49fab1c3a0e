"""What all commands have in common: an example in their help, and an honest end."""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli.failures import NotThere, told_failures
from tallystick.cli.wishes import raise_as_before

if TYPE_CHECKING:
    from uuid import UUID

    from tallystick.app import App

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


@asynccontextmanager
async def opened() -> "AsyncIterator[App]":
    """The house over the database of this home or of the settings, for one command.

    What is refused in it is remembered under the command's `--key`.
    """
    from tallystick.cli.database import opened_app

    async with opened_app() as (app, _):
        try:
            yield app
        except Exception as error:
            await raise_as_before(app.journal, error)
            raise


def id_named(prefix: str, text: str, noun: str) -> "UUID":
    """The id that was typed. Raises NotThere: what has no id cannot be there."""
    from tallystick.platform.ids import MalformedId, parse_typeid

    try:
        return parse_typeid(prefix, text)
    except MalformedId:
        raise NotThere(f"no {noun} is called {text}") from None


def _finish(result: object) -> None:
    if inspect.iscoroutine(result):
        import asyncio

        asyncio.run(result)
