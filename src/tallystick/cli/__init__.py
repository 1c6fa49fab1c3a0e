"""The terminal: every command of `tallystick`, one file each.

Exit codes: 0 it is done; 1 the answer is no (books not proven, a payment refused, a check
broken); 2 wrong usage; 3 it cannot run here and now (port taken, database away, another one runs);
70 a mistake of ours; 130 interrupted. Errors go to stderr, answers to stdout.
Nothing heavy is imported before a command needs it, so that `tallystick --help` is instant.
"""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    from tallystick.cli.lifeline import hold_lifeline

    hold_lifeline()
    from tallystick.cli.program import built_program

    built_program()(arguments, prog_name="tallystick")
