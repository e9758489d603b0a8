"""Changing a library right after the app imports it, so that an app without it imports nothing more."""

from __future__ import annotations

import sys

from .base import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Hook = Callable[[Any], None]

hooks: dict[str, Hook] = {}


class HookFinder:
    """Finds a module as the other finders do; where a hook waits for it, its loader runs the hook at the end."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in hooks:
            return None
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    run_hook_after(spec)
                    return spec
        return None


def run_hook_after(spec: Any) -> None:
    """Let a module's loader, which no other module shares, run the hook when the module's code has run."""
    with guard("the hook of " + spec.name):
        execute = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            run_hook(module)

        spec.loader.exec_module = exec_module


def run_hook(module: Any) -> None:
    hook = hooks.pop(module.__name__, None)
    if hook is not None:
        with guard(module.__name__):
            hook(module)


def run_missed_hooks() -> None:
    """Once the app is imported: for modules that a finder of somebody else's, in front of ours, has found."""
    for name in list(hooks):
        if name in sys.modules:
            run_hook(sys.modules[name])


def after_import(name: str, hook: Hook) -> None:
    """Call ``hook(module)`` once the module is imported; at once when it is already."""
    hooks[name] = hook
    if name in sys.modules:
        run_hook(sys.modules[name])
    elif not any(isinstance(finder, HookFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, HookFinder())
