"""A stand-in for Heroku on loopback: real HTTP, real archives, real streams, and faults on request."""

from __future__ import annotations

from .faults import Fault
from .server import Standin
from .world import HerokuApp, World

__all__ = ["Fault", "HerokuApp", "Standin", "World"]
