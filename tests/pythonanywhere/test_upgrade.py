"""A newer paasctl brings a newer WSGI file: the push that replaces it goes live, or leaves what it found."""

import importlib
from collections.abc import Callable

import pytest
from standin import Platform
from standin.laptop import Laptop
from standin.visitor import get

from paasctl.errors import PaasctlError
from paasctl.target import load

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]
WSGI = "/var/www/eric_pythonanywhere_com_wsgi.py"


@pytest.fixture
def older(laptop: Make) -> Laptop:
    """An app that an older paasctl pushed: its WSGI file has another text, and so another digest."""
    stub = importlib.import_module(load("pythonanywhere").__module__ + ".stub")
    body = stub.body()
    app = laptop()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stub, "body", lambda: body + "\n# an older one\n")
        app.push()
    app.write("wsgi.py", (app.root / "wsgi.py").read_text().replace("v001", "v002"))
    return app


def test_the_wsgi_file_of_an_older_paasctl_is_replaced(platform: Platform, older: Laptop) -> None:
    (switch,) = older.plan().commit
    assert switch.details == ("the site's WSGI file is replaced by this paasctl's",)
    older.push()
    assert "first v002" in get(platform).text
    assert "an older one" not in platform.account.read(WSGI)
    assert not older.plan()


def test_a_release_that_fails_after_it(platform: Platform, older: Laptop) -> None:
    good = (older.root / "wsgi.py").read_text()
    older.write("wsgi.py", good + "raise RuntimeError('on purpose')\n")
    with pytest.raises(PaasctlError, match="on purpose") as caught:
        older.push()
    assert caught.value.exit_code == 1
    assert "first v001" in get(platform).text
    older.write("wsgi.py", good)
    older.push()
    assert "first v002" in get(platform).text


def test_a_wsgi_file_that_arrives_cut(platform: Platform, older: Laptop) -> None:
    def cut_once(method: str, path: str) -> None:
        if method == "POST" and "_wsgi.py" in path:
            platform.api.cut = {} if "cut" in seen else {"_wsgi.py": 3000}
            seen.add("cut")

    seen: set[str] = set()
    platform.faults = cut_once
    with pytest.raises(PaasctlError, match="release r2 did not start") as caught:
        older.push()
    assert caught.value.exit_code == 1
    assert "r1 serves as before" in caught.value.hint
    assert "first v001" in get(platform).text
    older.push()
    assert "first v002" in get(platform).text
    assert not older.plan()
