"""Every value of ``.env`` reaches ``os.environ`` of the app on a Linux host byte for byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hostlab.apps import SECRET, HostApp
from support import values

pytestmark = pytest.mark.hosts


def test_every_value_reaches_the_app_byte_for_byte(make_app: Callable[..., HostApp]) -> None:
    app = make_app("plain_wsgi")
    wanted = {**values.awkward(), **values.long()}
    values.write(app.project.root, wanted, SECRET_KEY=SECRET)
    app.setup()
    app.push()
    assert values.wrong(wanted, app.get("/").json()) == []
    assert app.run("env", "diff", "linux").out.splitlines()[-1] == "linux is in sync"
