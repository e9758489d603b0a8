"""Copies of the sample apps as git checkouts, and the edits that a user makes to them, good and bad."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

APPS = Path(__file__).resolve().parent.parent / "apps"
NO_SUCH_MODULE = "paasctl_no_such_module_xyz"
NO_SUCH_PACKAGE = "paasctl-no-such-package-xyz"
BROKEN_WORKER = "the worker is broken on purpose"
BROKEN_PAGE = "the index page is broken on purpose"
BROKEN_RELEASE = "this release command fails on purpose"
MIGRATION = f'''revision = "ffff00000000"
down_revision = "{{before}}"


def upgrade():
    raise RuntimeError("{BROKEN_RELEASE}")


def downgrade():
    pass
'''
DJANGO_MIGRATION = f'''from django.db import migrations


def fail(apps, schema_editor):
    raise RuntimeError("{BROKEN_RELEASE}")


class Migration(migrations.Migration):
    dependencies = [("notes", "0001_initial")]
    operations = [migrations.RunPython(fail)]
'''


@dataclass(frozen=True)
class Sample:
    """Where a sample app keeps what the tests edit.

    ``versioned`` hold its version, ``entry`` is imported first, ``page`` is (file, the line that opens the code of /),
    ``migration`` is the last one of Alembic's.
    """

    name: str
    versioned: tuple[str, ...]
    entry: str
    page: tuple[str, str]
    requirements: str = "requirements.txt"
    migration: str = ""


SAMPLES = {
    sample.name: sample
    for sample in (
        Sample(
            "flask_shop",
            ("shop/version.py", "shop/templates/index.html", "shop/templates/order.html", "CHANGES.txt"),
            "wsgi.py",
            ("shop/views.py", "def index():"),
            migration="ba9f21edc20f",
        ),
        Sample(
            "django_site",
            ("notes/version.py",),
            "mysite/wsgi.py",
            ("notes/views.py", "def index(request):"),
            "requirements/base.txt",
        ),
        Sample(
            "fastapi_api",
            ("main.py",),
            "main.py",
            ("main.py", "async def index(response: Response) -> dict[str, object]:"),
            "pyproject.toml",
        ),
        Sample("factory_app", ("blog/__init__.py",), "blog/__init__.py", ("blog/__init__.py", "    def index():")),
        Sample("plain_wsgi", ("wsgi.py",), "wsgi.py", ("wsgi.py", '    elif environ["PATH_INFO"] == "/":')),
        Sample(
            "flask_2018",
            ("bluelog/__init__.py",),
            "wsgi.py",
            ("bluelog/__init__.py", "    def index():"),
            migration="a87ceb524445",
        ),
    )
}


def fingerprint(value: str) -> str:
    """What the sample apps show instead of a value."""
    return hashlib.sha256(b"shop:" + value.encode()).hexdigest()[:16]


def quoted(value: str) -> str:
    """A value as a line of .env can hold it, whatever it is."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Project:
    """A checkout of a sample app in a folder of its own."""

    def __init__(self, sample: Sample, root: Path) -> None:
        self.sample, self.root = sample, root

    @classmethod
    def copy(cls, name: str, root: Path, *, git: bool = True) -> Project:
        """Copy a sample app to ``root`` and commit it there."""
        shutil.copytree(APPS / name, root, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "ruff.toml"))
        project = cls(SAMPLES[name], root)
        if git:
            project.git("init", "-q", "-b", "main")
            project.commit("first")
        return project

    def git(self, *words: str) -> str:
        """Run git in the checkout; what it printed."""
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *who, *words], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout

    def commit(self, message: str) -> None:
        """Commit everything that git does not ignore."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def write(self, path: str, text: str) -> Path:
        """Write a file of the app."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def replace(self, path: str, old: str, new: str) -> None:
        """Change a file of the app; what is to be changed must be there."""
        text = (self.root / path).read_text()
        assert old in text, f"{old!r} is not in {path}"
        (self.root / path).write_text(text.replace(old, new))

    def env(self, values: Mapping[str, str] | None = None, **more: str) -> None:
        """Write .env anew, readable by its owner alone."""
        lines = [f"{name}={quoted(value)}\n" for name, value in {**(values or {}), **more}.items()]
        path = self.write(".env", "")
        path.chmod(0o600)
        path.write_text("".join(lines))

    # ------------------------------------------------------------------------------------------ good changes

    @property
    def version(self) -> str:
        """The version that the checkout would serve."""
        text = (self.root / self.sample.versioned[0]).read_text()
        return text[text.index('"v' if '"v' in text else "'v") + 1 :][:4]

    def bump(self, commit: bool = True) -> str:
        """Go to the next version everywhere; no file changes its size."""
        old = self.version
        new = f"v{int(old[1:]) + 1:03d}"
        for path in self.sample.versioned:
            self.replace(path, old, new)
        if commit:
            self.commit(new)
        return new

    # ------------------------------------------------------------------------------------------- bad changes

    def break_import(self) -> str:
        """Make the app impossible to import; what the traceback will name."""
        path = self.root / self.sample.entry
        path.write_text(f"import {NO_SUCH_MODULE}  # noqa\n" + path.read_text())
        return NO_SUCH_MODULE

    def break_health(self) -> str:
        """Make / answer 500; what the app will log."""
        path, opening = self.sample.page
        lines = (self.root / path).read_text().split("\n")
        at = next(i for i, line in enumerate(lines) if line.startswith(opening))
        indent = len(lines[at + 1]) - len(lines[at + 1].lstrip())
        lines.insert(at + 1, " " * indent + f'raise RuntimeError("{BROKEN_PAGE}")')
        (self.root / path).write_text("\n".join(lines))
        return BROKEN_PAGE

    def break_worker(self) -> str:
        """Make the worker end at once, while every page is as it should be; what it will log."""
        path = self.root / "worker.py"
        path.write_text(f'raise SystemExit("{BROKEN_WORKER}")\n' + path.read_text())
        return BROKEN_WORKER

    def break_release(self) -> str:
        """Add a migration that fails, or where there are none a release command that does; what it says."""
        if self.sample.name == "django_site":
            self.write("notes/migrations/0002_broken.py", DJANGO_MIGRATION)
        elif self.sample.migration:
            text = MIGRATION.format(before=self.sample.migration)
            self.write("migrations/versions/ffff00000000_broken.py", text)
        else:
            self.write("paasctl.toml", f"[app]\nrelease = \"echo '{BROKEN_RELEASE}'; exit 3\"\n")
        return BROKEN_RELEASE

    def break_requirements(self) -> str:
        """Require a package that does not exist; its name."""
        name, required = self.sample.requirements, f"{NO_SUCH_PACKAGE}==9"
        if name == "pyproject.toml":
            self.replace(name, "dependencies = [\n", f'dependencies = [\n  "{required}",\n')
        else:
            path = self.root / name
            self.write(name, (path.read_text() if path.exists() else "") + f"{required}\n")
        return NO_SUCH_PACKAGE

    def restore(self) -> None:
        """Back to the last commit; what git ignores stays."""
        self.git("checkout", "-q", "--", ".")
        self.git("clean", "-fdq")


def snapshot(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Mode, time (ns) and content of everything in a folder, so that two moments can be compared."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        if path.is_symlink():
            content = "-> " + str(path.readlink())
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            content = "folder"
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_mtime_ns, content)
    return found
