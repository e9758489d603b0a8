"""Dependencies resolved here for there, with the real uv."""

import hashlib
import importlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from paasctl.errors import PaasctlError, UsageError
from paasctl.model import Dependencies
from paasctl.target import load

layers = importlib.import_module(load("pythonanywhere").__module__ + ".layers")
HERE = f"3.{sys.version_info[1]}"
pytestmark = pytest.mark.e2e


def needs(text: str, **more: str) -> Dependencies:
    return Dependencies("requirements.txt", text, hashlib.sha256(text.encode()).hexdigest(), **more)


def resolve(text: str, folder: Path, python: str = HERE, **more: str) -> Path:
    resolver = layers.Resolver(folder, dict(os.environ))
    resolver.resolve(needs(text, **more), python, folder / "out", lambda line: None)
    return folder / "out"


def test_for_another_python_that_is_not_needed_here(tmp_path: Path) -> None:
    out = resolve("MarkupSafe==3.0.2\n", tmp_path, "3.13")
    assert list(out.glob("markupsafe/*cpython-313-x86_64-linux-gnu.so"))


def test_constraints_hold(tmp_path: Path) -> None:
    out = resolve("MarkupSafe\n", tmp_path, constraints="MarkupSafe==3.0.2\n")
    assert list(out.glob("[mM]arkup[sS]afe-3.0.2.dist-info"))


def test_a_package_without_a_wheel_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no wheel for Python 3\.\d+ on Linux \(x86-64\): mysqlclient") as caught:
        resolve("mysqlclient==2.2.7\n", tmp_path, "3.12" if HERE != "3.12" else "3.11")
    assert "use PyMySQL" in caught.value.hint


@pytest.mark.parametrize("text", ["paasctl-no-such-package-xyz\n", "MarkupSafe==999\n", "MarkupSafe===\n"])
def test_what_cannot_be_resolved_is_said_in_uvs_words(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be resolved") as caught:
        resolve(text, tmp_path)
    assert caught.value.output


def project(folder: Path, name: str, native: bool) -> None:
    """A source distribution: pure, or with an extension in C."""
    folder.mkdir()
    (folder / f"{name}.py").write_text("x = 1\n")
    (folder / "pyproject.toml").write_text(
        "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
    )
    extension = f"ext_modules=[Extension('_{name}', ['{name}.c'])], " if native else ""
    (folder / "setup.py").write_text(
        "from setuptools import Extension, setup\n"
        f"setup(name='{name}', version='1', {extension}py_modules=['{name}'])\n"
    )
    (folder / f"{name}.c").write_text(
        "#include <Python.h>\n"
        f'static struct PyModuleDef m = {{PyModuleDef_HEAD_INIT, "_{name}", 0, -1, 0}};\n'
        f"PyMODINIT_FUNC PyInit__{name}(void) {{ return PyModule_Create(&m); }}\n"
    )


def test_a_pure_source_distribution_is_built_with_the_same_python(tmp_path: Path) -> None:
    project(tmp_path / "lib", "purely", native=False)
    out = resolve("./lib\n", tmp_path)
    assert (out / "purely.py").exists()


def test_an_editable_line_is_installed_whole(tmp_path: Path) -> None:
    project(tmp_path / "lib", "purely", native=False)
    out = resolve("-e ./lib\n", tmp_path)
    assert (out / "purely.py").read_text() == "x = 1\n"


def test_what_was_compiled_here_is_not_sent(tmp_path: Path) -> None:
    project(tmp_path / "lib", "natively", native=True)
    try:
        subprocess.run(["cc", "--version"], check=True, capture_output=True)
    except OSError:
        pytest.skip("WHAT WAS COMPILED HERE WAS NOT TRIED: no C compiler")
    with pytest.raises(UsageError, match="natively was built for this machine"):
        resolve("./lib\n", tmp_path)


def test_no_source_is_built_with_another_python(tmp_path: Path) -> None:
    project(tmp_path / "lib", "purely", native=False)
    with pytest.raises(UsageError, match=r"no wheel for Python 3\.99|cannot"):
        resolve("./lib\n", tmp_path, "3.99")


def test_a_known_native_package_is_not_even_built(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(UsageError, match="mysqlclient") as caught:
        layers.Resolver(tmp_path, dict(os.environ)).resolve(
            needs("mysqlclient==2.2.7\n"), HERE, tmp_path / "out", said.append
        )
    assert "use PyMySQL" in caught.value.hint
    assert not said


def test_a_build_does_not_see_our_tokens(tmp_path: Path) -> None:
    project(tmp_path / "lib", "curious", native=False)
    setup = tmp_path / "lib/setup.py"
    setup.write_text(
        f"import os\nopen({str(tmp_path / 'seen')!r}, 'a').write(repr(dict(os.environ)))\n" + setup.read_text()
    )
    ours = dict.fromkeys(("PYTHONANYWHERE_API_TOKEN", "API_TOKEN", "HEROKU_API_KEY", "PAASCTL_TOKEN_X"), "tok3n-XYZ")
    ours["PYTHONANYWHERE_SITE"] = "www.pythonanywhere.com"
    resolver = layers.Resolver(tmp_path, {**os.environ, **ours, "KEPT": "kept-1"})
    resolver.resolve(needs("./lib\n"), HERE, tmp_path / "out", lambda line: None)
    seen = (tmp_path / "seen").read_text()
    assert "kept-1" in seen
    assert "tok3n-XYZ" not in seen


def test_without_an_index_it_is_the_network(tmp_path: Path) -> None:
    environ = {**os.environ, "UV_INDEX_URL": "http://127.0.0.1:9/simple", "UV_NO_CACHE": "1", "UV_HTTP_RETRIES": "0"}
    for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
        environ.pop(name, None)
    resolver = layers.Resolver(tmp_path, environ)
    with pytest.raises(PaasctlError, match="index could not be reached") as caught:
        resolver.resolve(needs("MarkupSafe==3.0.2\n"), HERE, tmp_path / "out", lambda line: None)
    assert caught.value.exit_code == 1


def test_an_archive_is_a_virtual_environment_and_the_same_each_time(tmp_path: Path) -> None:
    out = resolve("click==8.1.7\nflask==3.0.3\n", tmp_path)
    texts = []
    for _ in range(2):
        stream = io.BytesIO()
        size, files = layers.pack(out, HERE, stream)
        texts.append(stream.getvalue())
    assert texts[0] == texts[1]
    with tarfile.open(fileobj=io.BytesIO(texts[0])) as archive:
        members = archive.getmembers()
        script = archive.extractfile("bin/flask")
        assert script is not None
        text = script.read()
    assert (size, files) == (sum(m.size for m in members), len(members))
    assert f"lib/python{HERE}/site-packages/flask/app.py" in {m.name for m in members}
    assert text.startswith(b"#!/bin/sh\n'''exec'")
    assert str(tmp_path).encode() not in text


def test_a_layer_is_named_by_what_is_in_it() -> None:
    one = needs("flask\n")
    local = Dependencies("requirements.txt", "./lib\n", "d" * 64, local=True)
    names = [
        layers.layer_name(one, "3.11", "c1"),
        layers.layer_name(needs("django\n"), "3.11", "c1"),
        layers.layer_name(one, "3.12", "c1"),
        layers.layer_name(local, "3.11", "c1"),
        layers.layer_name(local, "3.11", "c2"),
    ]
    assert len(set(names)) == 5
    assert layers.layer_name(one, "3.11", "c2") == names[0]


def test_a_wheel_that_an_index_offers_may_say_less_of_itself_than_its_name(tmp_path: Path) -> None:
    out = resolve("mysql-connector-python==9.1.0\n", tmp_path, "3.13")
    assert list(out.glob("_mysql_connector.cpython-313-*.so"))


def test_programs_that_a_wheel_brings_come_along_and_the_laptops_scripts_do_not(tmp_path: Path) -> None:
    files = {
        "tool": b"\x7fELF\x02\x01\x01" + b"\0" * 600,
        "helper": b"#!/bin/sh\necho hello\n",
        "any-python": b"#!/usr/bin/env python3\n",
        "ours": f"#!{sys.executable}\nimport x\n".encode(),
        "ours-of-old": b"#!/home/me/.venv/bin/python3.11\n",
        "ours-and-long": f"#!/bin/sh\n'''exec' '{sys.executable}' \"$0\" \"$@\"\n".encode(),
    }
    (tmp_path / "bin").mkdir()
    for name, content in files.items():
        (tmp_path / "bin" / name).write_bytes(content)
        (tmp_path / "bin" / name).chmod(0o755)
    stream = io.BytesIO()
    layers.pack(tmp_path, HERE, stream)
    with tarfile.open(fileobj=io.BytesIO(stream.getvalue())) as archive:
        assert [m.name for m in archive.getmembers()] == ["bin/any-python", "bin/helper", "bin/tool"]
        assert {m.mode for m in archive.getmembers()} == {0o755}
