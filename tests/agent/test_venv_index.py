"""A second package index, with the real uv and indexes in folders."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import uv
from paasctl.procfiles.host.appside import AppSide
from paasctl.procfiles.host.deputy import Direct
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.venv import Venvs
from support.index import index


def test_a_second_index_with_an_old_version_hides_no_newer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As PyTorch's index does, which holds old versions of what it needs; pip takes the best of all indexes."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("UV_INDEX_STRATEGY", raising=False)
    first = index(tmp_path / "first", ("common", "2.2"))
    second = index(tmp_path / "second", ("common", "1.0"), ("special", "3.0"))
    layout = Layout(str(tmp_path / "app"))
    layout.make()
    venvs = Venvs(layout, uv.find_uv_bin(), Direct(AppSide(layout, print, lambda: False)))
    lines = f"--index-url {first}\n--extra-index-url {second}\ncommon==2.2\nspecial==3.0\n"
    venvs.make("a1", f"3.{sys.version_info[1]}", {"-r": lines}, str(tmp_path), False, print)
    assert len(list(Path(venvs.path("a1")).glob("lib/*/site-packages/common-2.2.dist-info"))) == 1
