"""The env of the release, loaded before anything of the app."""

from __future__ import annotations

import os

from .base import guard, in_force, say


def modern_urls() -> None:
    """``postgres://`` becomes ``postgresql://``, which SQLAlchemy 1.4 and later insists on."""
    names = [name for name, value in os.environ.items() if value.startswith("postgres://")]
    if not names:
        return
    from importlib import metadata

    try:
        version = metadata.version("SQLAlchemy").split(".")
    except metadata.PackageNotFoundError:
        return
    if (int(version[0]), int(version[1])) >= (1, 4):
        for name in names:
            os.environ[name] = "postgresql://" + os.environ[name][len("postgres://") :]
        in_force["postgresql:// in place of postgres://"] = ", ".join(sorted(names))


def load_env(path: str | None = None) -> list[str]:
    """Put the names of a JSON file ``{"env": {NAME: VALUE}}`` into the process's environment, over inherited ones.

    Args:
        path: the file; without it ``PAASCTL_ENV_FILE`` names it. A file that cannot be read is one line on stderr.

    Returns:
        The names that were set.
    """
    path = path or os.environ.get("PAASCTL_ENV_FILE", "")
    if not path:
        return []
    names: list[str] = []
    with guard("env"):
        import json

        try:
            with open(path, encoding="utf-8") as file:
                values = json.load(file)["env"]
        except OSError as error:
            say("the env file cannot be read (%s); the app gets the inherited environment" % error.strerror)
            return []
        except (ValueError, KeyError, TypeError):
            say("the env file is not what paasctl writes; the app gets the inherited environment")
            return []
        own = os.environ.get("PAASCTL_ASSIGNED", "").split(",")  # what the Procfile's line sets itself wins
        for name, value in values.items():
            if name not in own:
                os.environ[name] = value
                names.append(name)
        in_force["env"] = "%d names from the release" % len(names)
    return names
