"""Pushes that change everything at once are killed after each request, and first pushes are harmed at each."""

from collections.abc import Callable
from typing import Any

import pytest
from standin import Platform
from standin.harm import Killed, killed_after
from standin.laptop import Laptop
from standin.visitor import get

from paasctl.errors import PaasctlError

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]


def configured(app: Laptop, release: str, *static: str) -> None:
    """A release command that is due, and mappings for some folders."""
    app.config(f'[app]\nname = "shop"\nentry = "wsgi:application"\nrelease = "{release}"\n')
    toml = app.root / "paasctl.toml"
    mapped = "".join(f'"/{name}/" = "{name}"\n' for name in static)
    toml.write_text(toml.read_text() + f"[targets.pythonanywhere.static]\n{mapped}")
    for name in static:
        app.write(f"{name}/a.css", f"{name} {{}}\n")


def version(app: Laptop, text: str) -> None:
    code = (app.root / "wsgi.py").read_text()
    start = code.index('VERSION = "')
    app.write("wsgi.py", code[:start] + f'VERSION = "{text}"' + code[code.index("\n", start) :])


def test_a_push_of_new_code_packages_mappings_and_a_command_killed_after_each_request(
    platform: Platform, laptop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = laptop()
    configured(app, "true", "static")
    app.push()
    last, ended, count = "v001", False, 0
    while not ended:
        count += 1
        wanted = f"v{count + 100}"
        version(app, wanted)
        app.write("requirements.txt", f"six==1.1{4 + count % 3}.0\n")
        configured(app, f"echo {count}", "static", f"s{count}")
        platform.forget()
        ended = not killed(app, count, monkeypatch)
        live = wanted if any("/reload/" in line for line in platform.api_requests) else last
        assert f"first {live}" in get(platform).text, (count, platform.api_requests)
        app.push()
        assert f"first {wanted}" in get(platform).text, count
        assert get(platform, f"/s{count}/a.css").text == f"s{count} {{}}\n"
        assert get(platform, "/static/a.css").text == "static {}\n"
        assert not app.plan(), count
        last = wanted
    assert count >= 12


def killed(app: Laptop, count: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Push, and be killed after so many requests; False when the push needed fewer."""
    try:
        with killed_after(count, monkeypatch):
            app.push()
    except Killed:
        return True
    return False


class Harm:
    """Does one harm, to a push's request of this number."""

    def __init__(self, number: int, fault: Any) -> None:
        self.number, self.fault, self.asked = number, fault, 0

    def __call__(self, method: str, path: str) -> Any:
        if not path.startswith("/api/") and "/__paasctl__/" not in path:
            return None
        self.asked += 1
        return self.fault if self.asked == self.number else None

    @property
    def done(self) -> bool:
        return self.asked >= self.number


@pytest.mark.parametrize("fault", ["drop", "drop after", (500, b"<h1>Error</h1>"), "504 after"], ids=str)
def test_a_harm_to_each_request_of_a_first_push(platform: Platform, laptop: Make, fault: Any) -> None:
    app = laptop()
    configured(app, "true", "static")
    harm = Harm(0, fault)
    while harm.done:
        platform.faults = harm = Harm(harm.number + 1, fault)
        try:
            app.push()
        except PaasctlError as error:
            assert error.exit_code in (1, 5), (harm.number, error)
        platform.faults = lambda method, path: None
        app.push()
        assert "first v001" in get(platform).text, harm.number
        assert get(platform, "/static/a.css").text == "static {}\n", harm.number
        assert not app.plan(), harm.number
        app.operate("down", True)
    assert harm.number >= 13
