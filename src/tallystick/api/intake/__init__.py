"""Addresses of the payments made elsewhere: document 000's webhook, and what was recorded."""
