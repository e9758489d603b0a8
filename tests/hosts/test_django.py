"""A Django app without WhiteNoise: nginx serves what collectstatic collected, which only the app's user may read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hostlab.apps import HostApp

pytestmark = pytest.mark.hosts


def test_nginx_serves_what_was_collected(make_app: Callable[..., HostApp]) -> None:
    app = make_app("django_site")
    settings, requirements = app.project.root / "mysite" / "settings.py", app.project.root / "requirements.txt"
    own = "django.contrib.staticfiles.storage.StaticFilesStorage"
    text = settings.read_text().replace("whitenoise.storage.CompressedManifestStaticFilesStorage", own)
    settings.write_text("".join(line for line in text.splitlines(True) if "whitenoise" not in line))
    lines = requirements.read_text().splitlines(True)
    requirements.write_text("".join(line for line in lines if "whitenoise" not in line))
    app.project.commit("nginx serves the static files")
    app.first_push(ALLOWED_HOSTS="*")
    answer = app.get("/static/admin/css/base.css")
    assert answer.status == 200, answer
    assert "{" in answer.body
    app.project.bump()
    app.push()
    assert app.get("/static/admin/css/base.css").status == 200
