"""Every value of ``.env`` reaches ``os.environ`` of the app on this machine byte for byte."""

from __future__ import annotations

import pytest
from support import values
from support.apps import SECRET, Maker

pytestmark = pytest.mark.e2e


def test_every_value_reaches_the_app_byte_for_byte(make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    wanted = {**values.awkward(), **values.long()}
    values.write(app.project.root, wanted, SECRET_KEY=SECRET)
    app.url = app.push().url
    assert values.wrong(wanted, app.get("/").json()) == []
    assert app.run("env", "diff", "local").out.splitlines()[-1] == "local is in sync"
