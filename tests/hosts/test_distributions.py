"""The whole life of an app on other systems than the one that the other tests have."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hostlab.apps import HostApp
from support.web import eventually

pytestmark = pytest.mark.hosts


def test_an_app_lives_there_from_setup_to_removal(make_app_elsewhere: Callable[..., HostApp]) -> None:
    app = make_app_elsewhere("factory_app")
    own = app.host.out("python3 -c 'import sys; print(*sys.version_info[:2], sep=chr(46))'")
    app.project.write(".python-version", own)
    app.first_push()
    assert app.serves() == app.project.version
    assert app.get("/static/blog.css").status == 200
    assert "nothing to do" in app.setup().out
    assert "nothing to do" in app.push().out

    app.project.bump()
    app.push()
    assert app.serves() == app.project.version
    app.host.reboot()
    answer = eventually(app.url + "/", lambda answer: answer.status == 200, 60)
    assert answer.versions == {app.project.version}
    app.run("rollback", "linux", "--yes")
    assert app.serves() != app.project.version

    app.run("down", "linux", "--purge", "--yes")
    app.setup("--remove")
    assert not app.left()


def test_a_python_that_the_system_does_not_have_is_named(make_app_elsewhere: Callable[..., HostApp]) -> None:
    app = make_app_elsewhere("factory_app")
    app.project.write(".python-version", "3.12\n")
    result = app.setup(code=1)
    assert "this system's packages have no Python 3.12; their own is 3." in result.err
    assert not app.left()
