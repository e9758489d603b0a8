"""Static files: what Django collects on the account, and the copies that the platform's file server reads."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.pythonanywhere.places import Places
from paasctl.procfiles.pythonanywhere.release import Release, prune
from standin import Platform
from standin.laptop import Laptop
from standin.visitor import get

from paasctl.errors import PaasctlError

Make = Callable[..., Laptop]
ENV = {"SECRET_KEY": "k1-Vn4tXq9bRw2LzJ7cMd5pHs8f", "ALLOWED_HOSTS": "*"}
CODE = {"name": "c" * 16, "bytes": 1, "files": 1, "parts": [{"name": "p", "sha256": "0" * 64, "size": 1}]}


class Published:
    """A release with a static folder, and its public copy."""

    def __init__(self, root: Path) -> None:
        self.places = Places(str(root), "shop", str(root / "wsgi.py"))
        static = {"/static/": "st"}
        self.record: Any = {"code": CODE, "layer": None, "python": "3.11", "env": {"id": "e"}, "static": static}
        self._release = Release(self.places, self.record)
        self.source = Path(self._release.code) / "st"
        self.source.mkdir(parents=True)
        self.current = Path(self.places.public) / "current"

    def copies(self) -> set[str]:
        return {path.name for path in self.current.parent.iterdir()}

    def prune(self) -> set[str]:
        prune(self.places, [{"releases": [self.record, {"code": {"name": "b" * 16}, "env": {"id": "b"}}]}])
        return self.copies()

    def publish(self) -> dict[str, str]:
        self._release.publish()
        return {str(p.relative_to(self.current)): p.read_text() for p in self.current.rglob("*") if p.is_file()}


def test_what_was_made_since_the_last_copy_is_copied(tmp_path: Path) -> None:
    published = Published(tmp_path)
    assert published.publish() == {}
    (published.source / "site.css").write_text("one")
    assert published.publish() == {"static/site.css": "one"}
    (published.source / "site.css").unlink()  # as collectstatic does: a hard link would show the new text by itself
    (published.source / "site.css").write_text("three")
    assert published.publish() == {"static/site.css": "three"}
    (published.source / "site.css").unlink()
    assert published.publish() == {}


def test_what_is_the_same_is_not_copied_again(tmp_path: Path) -> None:
    published = Published(tmp_path)
    (published.source / "site.css").write_text("one")
    published.publish()
    copy = published.current.readlink()
    published.publish()
    assert published.current.readlink() == copy


def test_of_one_code_only_the_copy_that_is_served_stays(tmp_path: Path) -> None:
    published = Published(tmp_path)
    for text in ("1", "22", "333"):
        (published.source / "site.css").write_text(text)
        published.publish()
    served = published.current.readlink().name
    before = f"{'b' * 16}-11111111"  # of the release that a rollback goes to
    for name in (before, f"{'a' * 16}-22222222", f"{served}.7.tmp"):
        (published.current.parent / name).mkdir()
    everything = published.copies()
    assert len(everything) == 7
    assert published.prune() == everything, "another push may be about to name them"
    for copy in everything - {"current"}:
        os.utime(published.current.parent / copy, (0, 0))
    assert published.prune() == {"current", served, before}
    assert published.publish() == {"static/site.css": "333"}


def without_whitenoise(laptop: Make) -> Laptop:
    app = laptop("django_site", env=ENV)
    text = (app.root / "mysite/settings.py").read_text()
    text = text.replace('    "whitenoise.middleware.WhiteNoiseMiddleware",\n', "")
    text = text.replace("whitenoise.storage.Compressed", "django.contrib.staticfiles.storage.")
    app.write("mysite/settings.py", text.replace("ManifestStaticFilesStorage", "StaticFilesStorage"))
    return app


@pytest.mark.e2e
def test_django_with_whitenoise(platform: Platform, laptop: Make) -> None:
    app = laptop("django_site", env=ENV)
    app.push()
    page = get(platform, "/")
    assert page.status == 200
    (style,) = re.findall(r'/static/[^"]+\.css', page.text)
    assert get(platform, style).status == 200
    app.env({**ENV, "GREETING": "hello"})
    assert any("collect the static files into staticfiles" in line for line in app.said)
    app.said.clear()
    app.push()
    assert not any("collect the static files" in line for line in app.said)  # the folder is the same


@pytest.mark.e2e
def test_django_without_whitenoise(platform: Platform, laptop: Make) -> None:
    app = without_whitenoise(laptop)
    app.config('[app]\nrelease = "python manage.py migrate"\n')
    app.push()
    assert get(platform, "/").status == 200
    assert get(platform, "/static/notes/site.css").status == 200
    assert get(platform, "/static/admin/css/base.css").status == 200


@pytest.mark.e2e
def test_static_files_that_cannot_be_collected_switch_nothing(platform: Platform, laptop: Make) -> None:
    app = without_whitenoise(laptop)
    app.push()
    app.write("notes/static/notes/site.css", "h1 { color: green }\n")
    text = (app.root / "manage.py").read_text()
    app.write("manage.py", text.replace("import sys\n", 'import sys\nassert "collectstatic" not in sys.argv\n', 1))
    with pytest.raises(PaasctlError, match=r"collectstatic ended with status 1; nothing was switched") as caught:
        app.push()
    assert "AssertionError" in caught.value.output
    assert "green" not in get(platform, "/static/notes/site.css").text
