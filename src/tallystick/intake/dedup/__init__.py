"""Deduplication: who has a reference, asked of the quickest layer that knows.

Promises: a layer above only saves a question to the one below; none of them can make a payment
lost or doubled, nor name a wrong one, be it empty, old, slow, gone or lying; what decides is the
unique key of `payment_references`, which the journal checks while it records.
Layers: this process's memory, Redis, `payment_references`, and the payments themselves, which are
kept for longer than their references. Tables: reads those of its room.
"""

from tallystick.intake.dedup.layers import Layer, LayerCount
from tallystick.intake.dedup.references import References
from tallystick.intake.dedup.store import REFERENCES as TAKEN_REFERENCES

__all__ = ["TAKEN_REFERENCES", "Layer", "LayerCount", "References"]
