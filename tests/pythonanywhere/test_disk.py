"""The account's disk: what makes room for a push, and what is left when that is not enough."""

import os
from collections.abc import Callable

import pytest
from standin import Platform
from standin.laptop import Laptop
from standin.visitor import get
from test_interrupted import Killed, killed_after, version

from paasctl.errors import PaasctlError

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]
APPS = "/home/eric/.paasctl/apps/shop"


def test_a_full_quota_switches_nothing(platform: Platform, laptop: Make) -> None:
    app = laptop()
    app.push()
    version(app, "v002")
    app.write("big.bin", os.urandom(200_000).hex())
    platform.account.quota = platform.account.used() + 10_000
    with pytest.raises(PaasctlError, match="disk is full") as caught:
        app.push()
    assert caught.value.exit_code == 1
    assert "first v001" in get(platform).text
    platform.account.quota = 512 << 20
    app.config("")
    app.settings["disk"] = 1
    app.config("")
    app.write("big.bin", os.urandom(600_000).hex())
    with pytest.raises(PaasctlError, match=r"does not fit on the account's disk: .* MiB are needed, .* of 1\.0 MiB"):
        app.push()
    assert "first v001" in get(platform).text


def test_old_releases_make_room(platform: Platform, laptop: Make) -> None:
    app = laptop(disk=1)
    for number in range(1, 4):
        version(app, f"v00{number}")
        app.write("big.txt", os.urandom(80_000).hex())
        app.push()
        assert f"first v00{number}" in get(platform).text
    app.write("big.txt", os.urandom(120_000).hex())
    app.push()
    kept = {r.id for r in app.operate("releases")}
    assert "r4" in kept
    assert "r1" not in kept
    codes = {r["code"]["name"] for r in platform.account.document(f"{APPS}/deploy.json")["releases"] if r["code"]}
    assert {p.name for p in platform.account.real(f"{APPS}/releases").iterdir()} == codes


def fill(app: Laptop, size: int) -> None:
    """A file of the app that does not become smaller."""
    app.write("some.txt", os.urandom(size // 2).hex())


def three_releases(app: Laptop, size: int) -> None:
    for number in (1, 2, 3):
        version(app, f"v00{number}")
        fill(app, size)
        app.push()


def folders(platform: Platform) -> set[str]:
    return {path.name for path in platform.account.real(f"{APPS}/releases").iterdir()}


def require_files_of_what_is_listed(app: Laptop) -> None:
    """Every release that is called good can be rolled back to."""
    listed = {r.id for r in app.operate("releases") if r.state != "failed"}
    live = app.platform.account.document(f"{APPS}/active.json")["live"]
    code = {r["id"]: r["code"]["name"] for r in live["releases"] if r["id"] in listed}
    assert set(code) == listed
    assert set(code.values()) <= folders(app.platform)


def test_a_push_that_cannot_fit_deletes_nothing(platform: Platform, laptop: Make) -> None:
    app = laptop(disk=1)
    three_releases(app, 120_000)
    before = folders(platform)
    app.write("big.bin", os.urandom(900_000).hex())
    with pytest.raises(PaasctlError, match="does not fit") as caught:
        app.push()
    assert caught.value.exit_code == 1
    assert folders(platform) == before
    assert [r.id for r in app.operate("releases")] == ["r3", "r2", "r1"]
    app.operate("rollback", None)
    assert "first v002" in get(platform).text


def test_a_push_that_fails_after_it_made_room(platform: Platform, laptop: Make) -> None:
    app = laptop(disk=1)
    three_releases(app, 120_000)
    fill(app, 280_000)
    platform.faults = lambda method, path: (500, b"") if method == "POST" and "/incoming/" in path else None
    with pytest.raises(PaasctlError):
        app.push()
    platform.faults = lambda method, path: None
    assert [r.id for r in app.operate("releases")] == ["r3", "r2"]
    require_files_of_what_is_listed(app)
    app.operate("rollback", None)
    assert "first v002" in get(platform).text


def test_a_push_that_is_killed_while_it_makes_room(
    platform: Platform, laptop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = laptop(disk=1)
    fill(app, 120_000)
    app.push()
    for count in range(2, 12):
        version(app, f"v{count + 100}")
        fill(app, 120_000)
        app.push()
        fill(app, 430_000)
        platform.forget()
        with killed_after(count, monkeypatch), pytest.raises(Killed):
            app.push()
        require_files_of_what_is_listed(app)
        assert f"first v{count + 100}" in get(platform).text
    assert any(line.startswith("DELETE") for line in platform.api_requests)


def test_releases_that_failed_do_not_fill_the_disk_for_ever(platform: Platform, laptop: Make) -> None:
    app = laptop(disk=4)
    platform.account.quota = 4 << 20
    fill(app, 800_000)
    app.push()
    good = (app.root / "wsgi.py").read_text()
    for number in range(8):
        fill(app, 800_000)
        app.write("wsgi.py", good + f"raise RuntimeError('{number} on purpose')\n")
        with pytest.raises(PaasctlError, match=f"{number} on purpose"):
            app.push()
        assert "first v001" in get(platform).text
    app.write("wsgi.py", good.replace("v001", "v002"))
    app.push()
    assert "first v002" in get(platform).text


def test_data_that_fills_the_disk_costs_old_releases(platform: Platform, laptop: Make) -> None:
    app = laptop(disk=6)
    account = platform.account
    account.quota = 6 << 20
    three_releases(app, 800_000)
    left = account.quota - account.used() - 300_000
    account.write("/home/eric/.paasctl/data/shop/uploads.bin", os.urandom(left))
    version(app, "v004")
    fill(app, 800_000)
    app.push()
    assert "first v004" in get(platform).text
    assert [r.id for r in app.operate("releases")] == ["r4", "r3", "r2"]
    require_files_of_what_is_listed(app)
    app.operate("rollback", None)
    assert "first v003" in get(platform).text


def test_what_a_failed_release_left_is_removed_when_the_site_is_loaded(platform: Platform, laptop: Make) -> None:
    app = laptop()
    app.push()
    (good,) = folders(platform)
    app.write("wsgi.py", (app.root / "wsgi.py").read_text() + "raise RuntimeError('on purpose')\n")
    with pytest.raises(PaasctlError):
        app.push()
    (bad,) = folders(platform) - {good}
    os.utime(platform.account.real(f"{APPS}/releases/{bad}"), (1, 1))
    app.operate("restart")
    assert folders(platform) == {good}


def test_a_file_that_the_api_does_not_take_costs_no_release(platform: Platform, laptop: Make) -> None:
    app = laptop()
    three_releases(app, 1_000)
    version(app, "v004")
    platform.faults = lambda method, path: (413, b"") if method == "POST" and "/incoming/" in path else None
    platform.forget()
    with pytest.raises(PaasctlError, match="takes no file as large as"):
        app.push()
    assert not any(line.startswith("DELETE") or "/reload/" in line for line in platform.api_requests)
    assert [r.id for r in app.operate("releases")] == ["r3", "r2", "r1"]
