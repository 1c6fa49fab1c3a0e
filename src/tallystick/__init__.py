"""Tallystick: a complete payments platform on PostgreSQL, with provable books."""
