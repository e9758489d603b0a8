"""Makes the agent's modules importable on a host, where none of them is a file, and starts the agent."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import json
import sys
from importlib.machinery import ModuleSpec
from typing import Any, BinaryIO, Dict, Optional

PACKAGE = "paasctl_host"


class Modules(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds modules among their sources, by name."""

    def __init__(self, sources: Dict[str, str]) -> None:
        self._sources = sources

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        if name not in self._sources:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=self.is_package(name))

    def get_source(self, name: str) -> str:
        return self._sources[name]

    def is_package(self, name: str) -> bool:
        return name == PACKAGE


def start(source: BinaryIO, sources: Dict[str, str]) -> None:
    """Serve the requests on ``source``; its next line tells the agent which app it is about."""
    sys.meta_path.insert(0, Modules(sources))
    importlib.import_module(PACKAGE + ".main").serve(source, json.loads(source.readline()), sources)
