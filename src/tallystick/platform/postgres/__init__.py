"""PostgreSQL: the embedded server, the connections, the migrations.

Submodules are imported directly.
"""
