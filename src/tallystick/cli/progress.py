"""A bar on stderr for what takes a while, where a person watches; nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tallystick.cli.terminal import Format, as_json

Advance = Callable[[int], None]


@contextmanager
def counted(what: str, total: int, output: Format | None) -> Iterator[Advance]:
    """Call what is yielded with how many more of `total` are done."""
    if as_json(output) or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)
