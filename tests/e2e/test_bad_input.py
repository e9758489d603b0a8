"""What is wrong with an app, the sentence that says so, the exit code, and that nothing is half done."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from support.apps import App, Maker
from support.cli import Paasctl
from support.disks import small_disk
from support.projects import Project
from support.wrong import TABLE, VALUE, broken_toml, no_app, no_such_python, too_big

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def app(make_shared_app: Maker) -> App:
    app = make_shared_app("plain_wsgi")
    app.first_push()
    return app


def assert_untouched(app: App, act: Callable[[], None]) -> None:
    """The live release, its processes and the list of releases are the same afterwards."""
    before = (app.live(), app.running(), app.releases(), app.serves())
    try:
        act()
    finally:
        (app.project.root / ".env").unlink(missing_ok=True)
        app.project.restore()
    assert (app.live(), app.running(), app.releases(), app.serves()) == before


@pytest.mark.parametrize("wrong", TABLE, ids=lambda wrong: wrong.__name__)
def test_input_is_refused_in_a_sentence(wrong: Callable[[Project], None], app: App) -> None:
    code, sentence = TABLE[wrong]

    def act() -> None:
        wrong(app.project)
        result = app.push(code=code)
        assert f"\nerror: {sentence}" in f"\n{result.err}", result
        assert "Traceback" not in result.said, result
        assert VALUE not in result.said
        assert "hint:" in result.err, result

    assert_untouched(app, act)


@pytest.mark.parametrize("wrong", [no_app, broken_toml, no_such_python, too_big], ids=lambda wrong: wrong.__name__)
def test_a_first_push_that_is_refused_leaves_nothing(wrong: Callable[[Project], None], make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    wrong(app.project)
    app.push(code=2)
    app.project.restore()
    assert not app.running()
    assert not app.releases()
    assert not list(app.paasctl.home.data.rglob("bin/python")), "half a virtual environment stays"
    assert not list(app.paasctl.home.tmp.iterdir())
    app.run("down", "local", "--yes")
    assert not [path for path in (app.paasctl.home.data / "paasctl").rglob("*") if path.is_file()]


def test_a_port_that_is_taken(app: App) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def act() -> None:
            app.project.write("paasctl.toml", f"[targets.local]\nport = {port}\n")
            result = app.push(code=1)
            assert str(port) in result.err
            assert "Traceback" not in result.said

        assert_untouched(app, act)


def test_a_file_that_cannot_be_read(app: App) -> None:
    prefix = without_root_rights()

    def act() -> None:
        path = app.project.write("private.txt", "x")
        path.chmod(0)
        result = Paasctl(app.project.root, app.paasctl.home, prefix=prefix).push(code=2)
        assert "private.txt" in result.err
        assert "Traceback" not in result.said
        path.chmod(0o600)

    assert_untouched(app, act)


def test_a_data_folder_that_cannot_be_read(app: App) -> None:
    (folder,) = (app.paasctl.home.data / "paasctl/local").iterdir()
    mode = folder.stat().st_mode
    folder.chmod(0)
    try:
        for words in (("status",), ("push", "--yes")):
            stranger = Paasctl(app.project.root, app.paasctl.home, prefix=without_root_rights())
            result = stranger.run(words[0], "local", *words[1:], code=1)
            assert f"{folder} cannot be read: permission denied; nothing was changed" in result.err
            assert "nothing was pushed" not in result.said
    finally:
        folder.chmod(mode)


def without_root_rights() -> list[str]:
    """A prefix under which root, too, is refused what a file's mode refuses; nothing where we are not root."""
    if os.getuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed: an unreadable file is NOT tried as root (apt install util-linux)")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


#: where the room ends: while the code arrives, and while the dependencies are installed (met where we may mount a disk)
FULL = (4, 25) if os.getuid() == 0 else (4,)


@pytest.mark.parametrize("megabytes", FULL)
def test_a_full_disk(app: App, megabytes: int) -> None:
    with small_disk(app.paasctl.home.root / "small", megabytes) as (disk, limit):
        home = app.paasctl.home
        paasctl = Paasctl(app.project.root, home, prefix=limit, XDG_DATA_HOME=str(disk))
        app.project.write("large.bin", os.urandom(6_000_000).hex())
        try:
            result = paasctl.push(code=1)
            # a limit on every file's size, in place of a small disk, has other words
            assert "the disk is full" in result.err or "write" in result.err, result
            assert "Traceback" not in result.said, result
        finally:
            app.project.restore()
        assert app.serves() == app.project.version
        paasctl.run("down", "local", "--purge", "--yes", code=None)


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small disk needs root: a redeploy on a full disk is NOT tried")
def test_a_disk_that_fills_up_later_leaves_the_old_release(make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    with small_disk(app.paasctl.home.data / "paasctl", megabytes=80):
        app.first_push()
        filler = app.paasctl.home.data / "paasctl" / "filler"
        fill(filler)
        app.project.bump()
        result = app.push(code=1)
        assert "disk is full" in result.err, result
        assert app.serves() == "v001"
        filler.unlink()
        app.push()
        assert app.serves() == "v002"
        fill(filler)
        app.run("down", "local", "--purge", "--yes")


def fill(filler: Path) -> None:
    """Leave no room beside a file."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 65536)


# ------------------------------------------------------------------------------------------- odd, but not wrong


ODD = {
    "with space.txt": "a",
    "-rf": "b",
    "--help": "c",
    "ünïcödé/漢字 😀.txt": "d",
    "new\nline.txt": "e",
    "quote'\"$(touch pwned)`.txt": "f",
    "x" * 250: "g",
    "deep/" + "/".join(["d" * 40] * 8) + "/f.txt": "h",
    "tab\there": "i",
    "trailing space ": "j",
    "empty": "",
}


def test_odd_names_and_links_arrive_as_they_are(make_app: Maker) -> None:
    app = make_app("plain_wsgi", "my app; $HOME 'ü' -x")
    for name, content in ODD.items():
        app.project.write(name, content)
    (app.project.root / "link to file").symlink_to("with space.txt")
    (app.project.root / "link to folder").symlink_to("ünïcödé")
    (app.project.root / "run.sh").write_text("#!/bin/sh\n")
    (app.project.root / "run.sh").chmod(0o755)
    app.project.commit("odd")
    app.first_push()
    assert app.serves() == "v001"
    code = Path(app.run("run", "local", "--", "python", "-c", "import os; print(os.path.realpath('.'))").out.strip())
    for name, content in ODD.items():
        assert (code / name).read_text() == content, name
    assert str((code / "link to file").readlink()) == "with space.txt"
    assert str((code / "link to folder").readlink()) == "ünïcödé"
    assert os.access(code / "run.sh", os.X_OK)
    assert not list(code.rglob("pwned"))
    assert not (code / ".env").exists()
    assert not (code / ".git").exists()


def test_a_data_folder_whose_name_is_too_long_for_a_socket(make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    app.paasctl.extra["XDG_DATA_HOME"] = str(app.paasctl.home.data / ("long" * 20) / ("longer" * 20))
    app.first_push()
    assert app.serves() == "v001"
    (supervisor,) = [one.pid for one in app.paasctl.processes() if "supervisord" in one.line]
    sockets = Path(f"/tmp/paasctl-{os.getuid()}")
    ours = [path.parent for path in sockets.glob("*/supervisord.pid") if path.read_text().strip() == str(supervisor)]
    assert [folder.stat().st_mode & 0o777 for folder in [sockets, *ours]] == [0o700, 0o700]
    app.run("down", "local", "--purge", "--yes")
    assert not ours[0].exists()
    assert not app.running()


def test_a_name_that_is_not_utf8(make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    with open(os.fsencode(app.project.root) + b"/caf\xe9.txt", "w") as file:  # noqa: PTH123
        file.write("latin")
    result = app.push(code=None)
    assert "Traceback" not in result.said
    assert result.code in (0, 2)
    if result.code == 2:
        assert "caf" in result.err


def test_nobody_to_ask_is_a_refusal_with_the_plan(app: App) -> None:
    def act() -> None:
        app.project.bump(commit=False)
        result = app.run("push", "local", code=2)
        assert "--yes" in result.err
        assert "1. " in result.out

    assert_untouched(app, act)
