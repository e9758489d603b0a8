"""Folders that may not be entered: passed over while an app is detected, named where they would be pushed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from paasctl import project, tree
from paasctl.config import load
from paasctl.errors import UsageError

APP = "from flask import Flask\n\napp = Flask(__name__)\n"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A Flask app beside a database's folder that belongs to somebody else."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "requirements.txt").write_text("flask\n")
    closed = tmp_path / "pgdata"
    (closed / "base").mkdir(parents=True)
    closed.chmod(0)
    if os.access(closed / "base", os.F_OK):
        closed.chmod(0o700)
        pytest.skip("this user may read everything, as root does")
    yield tmp_path
    closed.chmod(0o700)


def test_an_app_is_detected_beside_a_folder_that_may_not_be_entered(root: Path) -> None:
    (root / "app.py").write_text(f"import pgdata.models\n{APP}")
    assert project.read(root, load(root)).entry == "app:app"


@pytest.mark.parametrize("repository", [False, True])
def test_a_folder_that_may_not_be_entered_is_named_unless_it_is_left_out(root: Path, repository: bool) -> None:
    if repository:
        subprocess.run(["git", "init", "-q", str(root)], check=True)
    app = project.read(root, load(root))
    with pytest.raises(UsageError) as caught:
        tree.find(app)
    assert caught.value.message == "pgdata/ cannot be read: permission denied"
    assert "exclude" in caught.value.hint
    (root / ".gitignore").write_text("pgdata/\n")
    assert "app.py" in [entry.path for entry in tree.find(app)]
