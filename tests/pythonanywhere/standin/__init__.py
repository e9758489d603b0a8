"""A stand-in for PythonAnywhere on this machine: its API with its quirks, and a web app that really runs."""

from .account import Account
from .clock import FakeClock
from .platform import Platform

__all__ = ["Account", "FakeClock", "Platform"]
