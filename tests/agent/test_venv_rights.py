"""What pip does for the user who deploys, where the app's user is another one: here it is played."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uv
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.venv import Venvs
from paasctl.procfiles.host.wire import Failure

SETUP = "open({!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='source', version='1')\n"


class OtherUser:
    """The app's user, who cannot build anything; ``asked`` says what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def begin(self) -> None: ...

    def call(self, name: str, **args: Any) -> Any:
        self.asked.append(name)
        return {"status": 1, "output": "it cannot be built"}

    def items(self, name: str, **args: Any) -> Iterator[Any]:
        yield from ()


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A source archive that leaves ``ran`` beside it when code of it is run."""
    text = SETUP.format(str(tmp_path / "ran")).encode()
    with tarfile.open(tmp_path / "source-1.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("source-1/setup.py")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return tmp_path / "source-1.tar.gz"


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    ["source @ file://{}", "--no-binary :all:\n--find-links {0.parent}\nsource"],
    ids=["at a URL", "where no wheel is wanted"],
)
def test_no_code_of_a_source_is_run_by_the_one_who_deploys(tmp_path: Path, trap: Path, lines: str) -> None:
    app, layout, said = OtherUser(), Layout(str(tmp_path / "app")), list[str]()
    layout.make()
    python = "{}.{}".format(*sys.version_info)
    text = "--no-index\n" + lines.format(trap)
    with pytest.raises(Failure, match="the app's requirements could not be installed; nothing was changed"):
        Venvs(layout, None, app).make("p1", python, {"-r": text}, layout.root, False, said.append)
    assert app.asked == ["build_wheels", "remove_wheels"]
    assert not (tmp_path / "ran").exists()
    assert said == ["not everything has a wheel for this host; building"]
    assert not [*Path(layout.path("venvs")).iterdir(), *Path(layout.path("tmp")).iterdir()]


def test_the_python_in_use_serves_where_uv_sees_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    layout = Layout(str(tmp_path / "app"))
    layout.make()
    venvs, said = Venvs(layout, uv.find_uv_bin(), OtherUser()), list[str]()
    venvs.make("p1", "{}.{}".format(*sys.version_info), {"-r": "# none\n"}, layout.root, False, said.append)
    assert venvs.complete("p1")
    with pytest.raises(Failure, match="is not on this machine"):
        venvs.make("p2", "3.17", {}, layout.root, False, said.append)
