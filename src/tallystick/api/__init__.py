"""The door for programs: JSON over HTTP under `/api/v1`.

A handler authenticates, parses, calls one verb and renders; nothing else happens here. What a verb
refused stays refused under its key, also for the terminal.
"""

from tallystick.api.door import create_api
from tallystick.api.metrics_listener import metrics_on
from tallystick.api.refused_wishes import remembered
from tallystick.api.server import serve

__all__ = ["create_api", "metrics_on", "remembered", "serve"]
