"""Showing a platform at work: the demo's customers, what they come to, and how it is drawn."""
