"""A second package index, with the real uv and indexes in folders."""

import importlib
import os
import sys
from pathlib import Path

import pytest
from support.index import index

from paasctl.model import Dependencies
from paasctl.target import load

layers = importlib.import_module(load("pythonanywhere").__module__ + ".layers")


def test_a_second_index_with_an_old_version_hides_no_newer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("UV_INDEX_STRATEGY", raising=False)
    first = index(tmp_path / "first", ("common", "2.2"))
    second = index(tmp_path / "second", ("common", "1.0"), ("special", "3.0"))
    lines = f"--index-url {first}\n--extra-index-url {second}\ncommon==2.2\nspecial==3.0\n"
    needs = Dependencies("requirements.txt", lines, "digest")
    resolver = layers.Resolver(tmp_path, dict(os.environ))
    resolver.resolve(needs, f"3.{sys.version_info[1]}", tmp_path / "out", lambda line: None)
    assert (tmp_path / "out/common-2.2.dist-info").is_dir()
