"""Pushes to a site that really runs: what goes live, what it costs, and what does not go live."""

import json
import os
import stat
import time
from collections.abc import Callable

import pytest
from standin import Platform
from standin.laptop import Laptop
from standin.visitor import DOMAIN, get

from paasctl.errors import PaasctlError, UsageError

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]
APPS = "/home/eric/.paasctl/apps/shop"


def cost(platform: Platform, laptop: Laptop, **request: object) -> tuple[int, int]:
    """API requests and signed requests of one push."""
    platform.forget()
    laptop.push(**request)
    return platform.counts()


def version(laptop: Laptop, text: str) -> None:
    """Another version of the plain app, of the same length."""
    code = (laptop.root / "wsgi.py").read_text()
    start = code.index('VERSION = "')
    laptop.write("wsgi.py", code[:start] + f'VERSION = "{text}"' + code[code.index("\n", start) :])


def test_a_flask_app_with_migrations(platform: Platform, laptop: Make) -> None:
    shop = laptop("flask_shop")
    for number in range(2000):
        shop.write(f"shop/catalogue/{number % 40}/{number}.txt", f"item {number}\n")
    api, site = cost(platform, shop)
    assert api <= 12, platform.api_requests
    assert site <= 2, platform.site_requests
    assert "first v001" in get(platform).text
    assert get(platform, "/static/shop.css").text == (shop.root / "shop/static/shop.css").read_text()
    assert get(platform, "/about").status == 200  # it counts the orders: the table is there

    assert cost(platform, shop) == (1, 1)
    assert not shop.plan()

    assert get(platform, "/orders", method="POST", data={"fruit": "pear"}).status == 200
    shop.write("shop/version.py", (shop.root / "shop/version.py").read_text().replace("v001", "v002"))
    (note,) = (note for note in shop.plan().notes if "release command" in note)
    assert note.startswith("the release command is not run")
    assert cost(platform, shop) == (4, 1)
    assert "first v002" in get(platform).text
    assert json.loads(get(platform, "/about").text)["orders"] == 1

    shop.env({"SECRET_KEY": "k1-Vn4tXq9bRw2LzJ7cMd5pHs8f", "GREETING": "hello"})
    api, site = cost(platform, shop, code=False)
    assert api <= 5, platform.api_requests
    assert site <= 2, platform.site_requests  # the env may lead to another database, so the release command is due
    assert json.loads(get(platform, "/env/GREETING").text)["set"] is True

    platform.forget()
    shop.operate("rollback", "r1")
    assert platform.counts() == (3, 1)
    assert "first v001" in get(platform).text
    assert json.loads(get(platform, "/env/GREETING").text)["set"] is False
    assert json.loads(get(platform, "/about").text)["orders"] == 1


def test_logs_run_status_restart_and_down(
    platform: Platform, laptop: Make, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    shop = laptop("flask_shop")
    shop.push()
    get(platform, "/orders", method="POST", data={"fruit": "pear"}, headers={"X-Forwarded-For": "6.6.6.6"})
    lines = [(line.process, line.text) for line in shop.operate("logs", None, 50, False)]
    ours = [text for process, text in lines if process == "server" and "an order came in" in text]
    assert len(ours) == 1, lines  # the app logs to a file of its own; the runtime brings it here, once
    assert not platform.account.real(f"{APPS}/shop/logs/app.log").exists()

    capfdbinary.readouterr()
    assert (
        shop.operate("run", ["python", "-c", "import os, sys; print(os.environ['GREETING'] if 0 else 7); sys.exit(3)"])
        == 3
    )
    assert capfdbinary.readouterr().out == b"7\n"
    assert shop.operate("run", ["flask", "db", "current"]) == 0
    assert b"ba9f21edc20f" in capfdbinary.readouterr().out
    assert shop.operate("run", ["no-such-program"]) == 127

    platform.forget()
    status = shop.operate("status")
    assert (status.exists, status.healthy, status.live.id) == (True, True, "r1"), status
    assert status.facts["plan"].startswith("free")
    assert not status.warnings
    platform.account.webapps[DOMAIN]["expiry"] = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 * 3))
    assert "Run until 1 month from today" in shop.operate("status").warnings[0]

    pid = json.loads(get(platform, "/about").text)["pid"]
    shop.operate("restart")
    assert json.loads(get(platform, "/about").text)["pid"] != pid
    assert [r.id for r in shop.operate("releases")] == ["r1"]

    shop.operate("down", False)
    assert get(platform).status == 404
    assert not platform.account.webapps
    data = platform.account.real("/home/eric/.paasctl/data/shop/instance/shop.db")
    assert data.exists()
    assert not platform.account.real(APPS).exists()

    shop.push()
    assert json.loads(get(platform, "/about").text)["orders"] == 1
    shop.operate("down", True)
    assert not data.exists()


def test_clients_see_their_own_address_and_https(platform: Platform, laptop: Make) -> None:
    app = laptop()
    app.write(
        "wsgi.py",
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [(environ['REMOTE_ADDR'] + ' ' + environ['wsgi.url_scheme']).encode()]\n",
    )
    app.push()
    forged = {"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "X-Forwarded-Proto": "gopher"}
    assert get(platform, headers=forged).text == "127.0.0.1 https"


@pytest.mark.parametrize("runtime", [True, False])
def test_an_app_in_src_is_imported_from_there(platform: Platform, laptop: Make, runtime: bool) -> None:
    app = laptop(runtime=runtime)
    app.write("src/inner.py", (app.root / "wsgi.py").read_text())
    app.write("wsgi.py", "from inner import application\n")
    app.config('[app]\nrelease = "python -m inner"\n')
    app.push()
    assert "first v001" in get(platform).text


def test_every_env_value_arrives_byte_for_byte(platform: Platform, laptop: Make) -> None:
    app = laptop(env={})
    values = {
        "A": 'it\'s "q" $x `y` %s #z',
        "B": "ü€😀",
        "C": "a\\b\\\\",
        "D": " lead and trail ",
        "E": "",
        "F": "x" * 9000,
    }
    quoted = {name: "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'" for name, value in values.items()}
    app.env(quoted)
    app.write(
        "wsgi.py",
        "import json, os\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'application/json')])\n"
        "    return [json.dumps({n: os.environ.get(n) for n in 'ABCDEF'}).encode()]\n",
    )
    app.push()
    assert json.loads(get(platform).text) == values


def test_nothing_secret_is_readable_by_others(platform: Platform, laptop: Make) -> None:
    secret = "S3NT1NEL-Vn4tXq9bRw2LzJ7cMd5"
    app = laptop(env={"SECRET_KEY": secret})
    app.push()
    version(app, "v002")
    app.push()
    base = platform.account.real(APPS)
    key = platform.account.document(f"{APPS}/deploy.json")["key"]
    found = platform.account.readable_by_others()
    assert not [path for path, content in found if secret.encode() in content or key.encode() in content]
    for path in (base, base / "env", base / "jobs"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    for path in (base / "deploy.json", base / "active.json", *(base / "env").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for name in ("server", "error"):
        assert secret not in platform.account.read(f"/var/log/{DOMAIN}.{name}.log")
    assert secret not in "\n".join(app.said)


#: Lines at the end of the app's file, and what is said of them.
BROKEN = {
    "an import error": ("import no_such_module_xyz", "No module named 'no_such_module_xyz'"),
    "an error": ("1 / 0", "ZeroDivisionError"),
    "sys.exit": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "os._exit": ("os._exit(1)", "the process ended while it imported the app"),
    "no entry": ("del application", "AttributeError"),
    "unwell": (
        "def application(environ, start_response): raise RuntimeError('unwell on purpose')",
        "unwell on purpose",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_release_does_not_stay(platform: Platform, laptop: Make, name: str) -> None:
    app = laptop()
    app.push()
    good = (app.root / "wsgi.py").read_text()
    app.write("wsgi.py", good + BROKEN[name][0] + "\n")
    with pytest.raises(PaasctlError) as caught:
        app.push()
    assert caught.value.exit_code == 1
    assert "r2" in caught.value.message
    assert BROKEN[name][1] in caught.value.message + caught.value.output
    assert "first v001" in get(platform).text
    states = {r.id: r.state for r in app.operate("releases")}
    assert states == {"r1": "live", "r2": "failed"}
    assert platform.account.document(f"{APPS}/deploy.json")["release"] == "r1"
    app.write("wsgi.py", good)
    version(app, "v003")
    app.push()
    assert "first v003" in get(platform).text
    assert [r.id for r in app.operate("releases")] == ["r3", "r2", "r1"]


def test_an_import_that_does_not_end_is_ended(
    platform: Platform, laptop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from paasctl.target import load

    stub = sys.modules[load("pythonanywhere").__module__ + ".stub"]
    text = stub.body().replace("IMPORT_LIMIT = 60", "IMPORT_LIMIT = 3")
    monkeypatch.setattr(stub, "body", lambda: text)
    app = laptop()
    app.push()
    app.write("wsgi.py", (app.root / "wsgi.py").read_text() + "import time\ntime.sleep(100)\n")
    with pytest.raises(PaasctlError, match="did not end within 3 s") as caught:
        app.push()
    assert "wsgi.py" in caught.value.output
    assert "first v001" in get(platform).text


def test_a_broken_first_release_is_taken_back(platform: Platform, laptop: Make) -> None:
    app = laptop()
    good = (app.root / "wsgi.py").read_text()
    app.write("wsgi.py", good + "raise RuntimeError('on purpose')\n")
    with pytest.raises(PaasctlError, match="on purpose") as caught:
        app.push()
    assert caught.value.exit_code == 1
    assert get(platform).status == 503
    app.write("wsgi.py", good)
    app.push()
    assert "first v001" in get(platform).text


def test_a_failing_migration_switches_nothing(platform: Platform, laptop: Make) -> None:
    app = laptop()
    app.config('[app]\nrelease = "echo working; exit 9"\n')
    with pytest.raises(PaasctlError, match="release command ended with status 9; nothing was switched") as caught:
        app.push()
    assert caught.value.output == "working"
    app.config('[app]\nrelease = "echo fine > ../fine.txt"\n')
    app.push()
    assert "first v001" in get(platform).text
    version(app, "v002")
    app.config('[app]\nrelease = "exit 9"\n')
    with pytest.raises(PaasctlError, match="nothing was switched"):
        app.push()
    assert "first v001" in get(platform).text
    app.config('[app]\nrelease = "true"\n')
    app.push()
    assert "first v002" in get(platform).text


def test_a_truncated_upload_switches_nothing(platform: Platform, laptop: Make) -> None:
    app = laptop()
    app.push()
    version(app, "v002")
    platform.api.cut = {"incoming/": 100}
    with pytest.raises(PaasctlError, match="damaged: 100 of") as caught:
        app.push()
    assert caught.value.exit_code == 1
    assert "first v001" in get(platform).text
    platform.api.cut = {}
    app.push()
    assert "first v002" in get(platform).text


def test_archives_above_the_upload_limit_are_split(platform: Platform, laptop: Make) -> None:
    app = laptop(upload_limit=1)
    app.write("big.bin", os.urandom(900_000).hex())
    app.write("more.bin", os.urandom(900_000).hex())
    platform.forget()
    app.push()
    sent = [line for line in platform.api_requests if "/incoming/" in line]
    assert len(sent) == 2
    assert "first v001" in get(platform).text
    assert not list(platform.account.real(f"{APPS}/incoming").iterdir())


@pytest.mark.parametrize(
    ("change", "said", "code"),
    [
        ({"environ": {"PYTHONANYWHERE_API_TOKEN": "expired"}}, "does not accept the token", 2),
        ({"settings": {"username": "nobody", "domain": DOMAIN}}, "user nobody may not do this, or does not exist", 1),
        ({"settings": {"python": "3.99"}}, r"does not offer Python 3\.99 to this account", 2),
    ],
)
def test_what_the_user_must_change(platform: Platform, laptop: Make, change: dict, said: str, code: int) -> None:
    app = laptop()
    app.push()
    version(app, "v002")
    app.environ.update(change.get("environ", {}))
    app.settings.update(change.get("settings", {}))
    app.config()
    with pytest.raises(PaasctlError, match=said) as caught:
        app.push()
    assert caught.value.exit_code == code
    assert "first v001" in get(platform).text


def test_a_site_that_somebody_made_by_hand_is_not_taken_over(platform: Platform, laptop: Make) -> None:
    platform.api._create(DOMAIN, "python" + platform.account.pythons[0].replace(".", ""))
    platform.account.write("/var/www/eric_pythonanywhere_com_wsgi.py", b"application = 'by hand'")
    app = laptop()
    before = dict(platform.account.webapps[DOMAIN])
    with pytest.raises(UsageError, match="was not made by paasctl; nothing was changed"):
        app.push()
    assert platform.account.webapps[DOMAIN] == before
    assert platform.account.read("/var/www/eric_pythonanywhere_com_wsgi.py") == "application = 'by hand'"
    app.push(force=True)
    assert "first v001" in get(platform).text
