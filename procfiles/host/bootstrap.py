"""Makes the agent's modules importable on a host, where none of them is a file, and starts the agent."""

from __future__ import annotations

import importlib
import json
import sys
from importlib.machinery import ModuleSpec
from typing import Any, BinaryIO, Dict, Optional

PACKAGE = "paasctl_host"


class Modules:
    """Finds modules among their sources, by name, and loads them; `importlib.abc` would take as long to import."""

    def __init__(self, sources: Dict[str, str]) -> None:
        self._sources = sources

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        if name not in self._sources:
            return None
        loader: Any = self
        return ModuleSpec(name, loader, is_package=name == PACKAGE)

    def create_module(self, spec: ModuleSpec) -> None:
        """A module like any other."""

    def exec_module(self, module: Any) -> None:
        code = compile(self._sources[module.__name__], "<%s>" % module.__name__, "exec", dont_inherit=True)
        exec(code, module.__dict__)

    def get_source(self, name: str) -> str:
        """For tracebacks."""
        return self._sources[name]


def start(source: BinaryIO, sources: Dict[str, str]) -> None:
    """Serve the requests on ``source``; its next line tells the agent which app it is about."""
    sys.meta_path.insert(0, Modules(sources))
    importlib.import_module(PACKAGE + ".main").serve(source, json.loads(source.readline()), sources)
