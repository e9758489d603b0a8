"""Heroku."""

from __future__ import annotations

from .adapter import Heroku

__all__ = ["Heroku"]
