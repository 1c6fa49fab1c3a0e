"""Bench: what the house can carry, always beside pgbench in the same run on the same server.

`python -m bench` runs the scenarios; `README.md` says how a run works and how to read it.
"""
