"""Checks exchanges with the API against Heroku's own machine-readable schema, which is not part of this repository."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

VARIABLE = "PAASCTL_HEROKU_SCHEMA"
_ROOT = "urn:heroku"


def path() -> Path | None:
    """The file that the environment names, if any."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


@cache
def _formats() -> Any:
    """jsonschema's own, and those for which it would need one more package each; strings only."""
    from jsonschema import FormatChecker

    formats = FormatChecker()

    @formats.checks("date-time", raises=ValueError)
    def moment(value: object) -> bool:
        return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None

    @formats.checks("uri", raises=ValueError)
    def address(value: object) -> bool:
        return not isinstance(value, str) or bool(urlsplit(value).scheme)

    return formats


@dataclass(frozen=True)
class Link:
    """One operation that the schema describes."""

    method: str
    pattern: re.Pattern[str]
    pointer: str
    title: str
    request: Any
    response: Any


@dataclass
class Schema:
    """The schema and what was found wrong with exchanges. ``used`` counts by operation, so that a test can see that
    something was checked at all."""

    document: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from referencing import Registry
        from referencing.jsonschema import DRAFT4

        plain = {key: value for key, value in self.document.items() if key not in ("$schema", "id")}
        self._registry = Registry().with_resource(_ROOT, DRAFT4.create_resource(plain))
        self._links = list(self._all_links())

    @classmethod
    def load(cls, file: Path) -> Schema:
        return cls(json.loads(file.read_text("utf-8")))

    def _all_links(self) -> Any:
        for name, resource in self.document["definitions"].items():
            for number, link in enumerate(resource.get("links", ())):
                href = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(unquote(link["href"])).replace(r"\}", r"\}"))
                yield Link(
                    link["method"],
                    re.compile(href),
                    f"#/definitions/{name}/links/{number}",
                    f"{name}: {link['title']}",
                    link.get("schema"),
                    link.get("targetSchema"),
                )

    def check(self, method: str, route: str, request: Any, status: int, response: Any, headers: dict[str, str]) -> None:
        """Note what is wrong with one exchange. An answer that refuses is not described by the schema."""
        links = [link for link in self._links if link.method == method and link.pattern.fullmatch(route)]
        if not links:
            self.problems.append(f"{method} {route} is not an operation of the schema")
            return
        found = [(link, self._wrong(link, request, status, response, headers)) for link in links]
        link, wrong = min(found, key=lambda pair: len(pair[1]))
        self.used[link.title] = self.used.get(link.title, 0) + 1
        self.problems += [f"{method} {route} ({link.title}): {one}" for one in wrong]

    def _wrong(self, link: Link, request: Any, status: int, response: Any, headers: dict[str, str]) -> list[str]:
        wrong = []
        if link.request is not None:
            wrong += [f"request: {one}" for one in self._errors(f"{link.pointer}/schema", request)]
        elif request not in (None, ""):
            wrong.append("request: the schema knows of no body")
        # the header adds properties that the schema does not know
        if link.response is not None and status < 300 and "accept-inclusion" not in headers:
            wrong += [f"response: {one}" for one in self._errors(f"{link.pointer}/targetSchema", response)]
        return wrong

    def _errors(self, pointer: str, instance: Any) -> list[str]:
        from jsonschema import Draft4Validator

        schema = {"$ref": f"{_ROOT}{pointer}"}
        validator = Draft4Validator(schema, registry=self._registry, format_checker=_formats())
        # the path and the rule, not the value: a config var may be among them
        return [f"{list(one.absolute_path)} breaks {one.validator}" for one in validator.iter_errors(instance)]
