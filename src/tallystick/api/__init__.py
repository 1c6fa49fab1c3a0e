"""The door for programs: JSON over HTTP under `/api/v1`.

A handler authenticates, parses, calls one verb and renders; nothing else happens here.
"""

from tallystick.api.door import create_api
from tallystick.api.metrics_listener import metrics_on
from tallystick.api.server import serve

__all__ = ["create_api", "metrics_on", "serve"]
