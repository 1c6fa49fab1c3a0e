"""The ground floor: PostgreSQL, clock, ids, settings, crypto, telemetry.

Submodules are imported directly.
"""
