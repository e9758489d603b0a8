"""Find migrations that nothing runs, and the command that would."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from paasctl.project.sources import Sources


def migrating(root: Path, sources: Sources, framework: str, distributions: Collection[str]) -> tuple[str, str]:
    """The command that brings the database to the app's migrations, and their folder; empty where there are none.

    Args:
        distributions: what the app needs installed, by normalised name.
    """
    if "flask-migrate" in distributions and (root / "migrations" / "env.py").is_file():
        return "flask db upgrade", "migrations/"
    if framework == "django" and (root / "manage.py").is_file():
        folders = sorted(path.rpartition("/")[0] for path in sources.paths if path.endswith("/migrations/__init__.py"))
        if folders:
            return "python manage.py migrate --noinput", f"{folders[0]}/"
    return "", ""
