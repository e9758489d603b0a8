"""The code of a dependency runs as the app's user and never as the one who deploys, however it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hostlab import sources
from hostlab.apps import HostApp

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def packages(make_shared_app: Callable[..., HostApp]) -> Iterator[HostApp]:
    """An app on a host whose pip finds packages without a wheel, and whose nginx has one to download."""
    app = make_shared_app("plain_wsgi", 'domain = "packages.test"\n')
    host, pip = app.host, "/etc/pip.conf"
    files = {f"{name}-1.tar.gz": sources.sdist(name, old=name == "paasctlold") for name in ("paasctlnew", "paasctlold")}
    files["paasctlstarts-1-py3-none-any.whl"] = sources.wheel_that_starts_with_python("paasctlstarts")
    sources.offer(host, "/opt/packages", files)
    sources.offer(host, "/var/www/html", {"paasctldirect-1.tar.gz": sources.sdist("paasctldirect")})
    for path, text in sources.project("paasctllocal").items():
        app.project.write(f"local/{path}", text)
    app.project.write("pip.py", sources.NOTE.format("pip"))
    app.project.env({})
    app.setup()
    host.ssh(f"mv /etc/sudoers.d/deploy /root/deploy.sudoers; cp {pip} {pip}.before")
    host.ssh(f"echo 'find-links = /opt/packages' >>{pip}")
    yield app
    host.ssh(f"mv /root/deploy.sudoers /etc/sudoers.d/deploy; mv {pip}.before {pip}")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("paasctlstarts==1", "paasctlstarts"),
        ("paasctlnew==1", "paasctlnew"),
        ("paasctlold==1", "paasctlold"),
        ("paasctldirect @ URL/paasctldirect-1.tar.gz", "paasctldirect"),
        ("./local", "paasctllocal"),
    ],
    ids=["a wheel with a .pth file", "a source", "an old source", "a source at a URL", "a folder of the app"],
)
def test_what_is_installed_runs_as_the_apps_user_alone(packages: HostApp, line: str, name: str) -> None:
    app = packages
    app.project.write("requirements.txt", f"gunicorn>=22\n{line.replace('URL', app.url)}\n")
    app.push()
    app.run("run", "linux", "--", "python", "-c", f"from importlib.metadata import version; version('{name}')")
    assert sources.ran(app.host) == {f"{name}-{app.name}"}
    assert not app.host.out(f"find /srv/{app.name}/run/wheels /srv/{app.name}/tmp -mindepth 1 || true").split()
