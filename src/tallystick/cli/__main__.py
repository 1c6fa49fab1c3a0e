"""`python -m tallystick.cli`: how the supervisor starts its children."""

from tallystick.cli import main

main()
