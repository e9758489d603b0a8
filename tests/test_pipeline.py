"""What happens in which order before anything is changed: the target is under way while the app is being read."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from paasctl import bundle, pipeline, project, session
from paasctl.model import Env
from paasctl.redact import Redactor


class Enough(Exception):
    """The order is known."""


def test_the_target_looks_while_the_app_is_read_and_is_heard_afterwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    order: list[str] = []

    def noting(name: str, result: Any = None) -> Callable[..., Any]:
        return lambda *_, **__: order.append(name) or result

    def observe(**_: Any) -> None:
        order.append("observe")
        raise Enough

    monkeypatch.setattr(pipeline, "read_app", noting("read app", (None, SimpleNamespace(files={}))))
    monkeypatch.setattr(pipeline, "read_env", noting("read env", Env()))
    monkeypatch.setattr(bundle, "build", noting("build"))
    connection: Any = SimpleNamespace(ahead=noting("ahead"), observe=observe, name="shop")
    with pytest.raises(Enough):
        pipeline.prepare(SimpleNamespace(root=tmp_path), connection, pipeline.Request())  # type: ignore[arg-type]
    assert order == ["ahead", "read app", "read env", "build", "observe"]


#: answers what paasctl asks of the configuration; anything else is the connection
SSH = """\
#!/bin/sh
case " $* " in *" -G "*) printf 'user deploy\\nhostname 192.0.2.1\\n'; exit;; esac
touch {folder}/connecting
exit 255
"""


def test_the_connection_is_under_way_before_the_tree_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting, program = tmp_path / "connecting", tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(folder=tmp_path))
    program.chmod(0o755)
    root = tmp_path / "app"
    root.mkdir()
    (root / "paasctl.toml").write_text('[app]\nname = "shop"\n[targets.linux]\nhosts = ["deploy@192.0.2.1"]\n')

    def read(*_: Any, **__: Any) -> None:
        end = time.monotonic() + 60
        while not connecting.exists():
            assert time.monotonic() < end, "nobody connects while the app is read"
            time.sleep(0.01)
        raise Enough

    monkeypatch.setattr(project, "read", read)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    now = session.start(root, Redactor())
    with pytest.raises(Enough), session.connect(now, "linux") as connection:
        pipeline.prepare(now, connection, pipeline.Request())
