"""Adapters with one fault each. The contract must find every one of them."""

from contract.mutants import env, operations, phases, plans, secrets
from contract.mutants.making import CAUGHT_BY, MUTANTS

__all__ = ["CAUGHT_BY", "MUTANTS", "env", "operations", "phases", "plans", "secrets"]
