"""The app's entry: ``module:attr``, ``module:factory()``, ``module:factory('x')`` or ``module``."""

from __future__ import annotations

from .base import guard
from .sentry import start_sentry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load_entry(text: str) -> Any:
    """Import an app by its entry.

    Args:
        text: a bare ``module`` means its ``application``, then its ``app``; the arguments of a factory are literals.

    Raises:
        ValueError: the text is no entry.
        Exception: whatever the app's own import raises.
    """
    import importlib

    with guard("sentry"):
        start_sentry()
    name, _, attribute = text.partition(":")
    module = importlib.import_module(name)
    if not attribute:
        attribute = "application" if hasattr(module, "application") else "app"
    return evaluate(module, attribute)


def evaluate(module: Any, expression: str) -> Any:
    """The object that an entry's right side names: an attribute, a dotted one, or a call with literals."""
    import ast

    try:
        node = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError("not an entry: %r" % expression) from None
    if not isinstance(node, ast.Call):
        return attribute_of(module, node)
    factory = attribute_of(module, node.func)
    positional = [ast.literal_eval(argument) for argument in node.args]
    named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg}
    return factory(*positional, **named)


def attribute_of(module: Any, node: Any) -> Any:
    import ast

    if isinstance(node, ast.Name):
        return getattr(module, node.id)
    if isinstance(node, ast.Attribute):
        return getattr(attribute_of(module, node.value), node.attr)
    raise ValueError("an entry is module:attr or module:factory('x')")
