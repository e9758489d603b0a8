"""Run by test_mutants.py in a pytest of its own, which provides ``world``; by its name nobody else collects it."""

from paasctl.testing import TargetContract


class TestAdapter(TargetContract):
    world = None  # a plug-in of the inner pytest has it
