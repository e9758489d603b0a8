"""What Heroku needs of an app, as data."""

from __future__ import annotations

from paasctl.model import PlatformFacts
from paasctl.recycle import under, usual

#: Bytes of all config vars' names and values together.
ENV_LIMIT = 32_768

#: Python versions that Heroku's buildpack builds (v351, August 2026). An older one is refused there; a newer one may
#: have become possible since.
OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 14)
#: It still builds these, and has announced when it stops.
DEPRECATED_PYTHON = {(3, 10): "January 2027"}

#: The files that the buildpack installs dependencies from, at the top of the app; it accepts exactly one of them.
DEPENDENCY_FILES = ("requirements.txt", "Pipfile.lock", "poetry.lock", "uv.lock")

RESERVED = {
    "PORT": "Heroku gives each web dyno its own",
    "DYNO": "Heroku names the dyno with it",
    "DYNO_RAM": "Heroku states the dyno's memory with it",
    "STACK": "Heroku names the stack with it",
    "SOURCE_VERSION": "Heroku sets it during a build",
    "WEB_CONCURRENCY": "Heroku computes it from the dyno's size; give gunicorn --workers in the Procfile instead",
    "WEB_CONCURRENCY_SET_BY": "Heroku sets it with WEB_CONCURRENCY",
    "PYTHONUNBUFFERED": "Heroku's Python buildpack always sets it",
    "PYTHONHOME": "Heroku's Python buildpack sets it, and another value breaks Python",
    "PATH": "Heroku's buildpacks set it, and another value breaks the dyno",
    "HOME": "it is /app on a dyno",
    "HEROKU_*": "Heroku keeps names that begin with HEROKU_ for itself",
    "__*": "Heroku refuses names that begin with two underscores",
    "PAASCTL_MANIFEST": "paasctl keeps its own notes there",
}


def pool_recycle(kind: str, host: str) -> tuple[int, str]:
    """Seconds after which a pooled database connection is renewed, and why; the strictest where none is known."""
    if kind == "postgresql":
        return 600, "Heroku's own recommendation for Postgres"
    if kind in ("", "mysql") and not under(host, "cleardb.net", "cleardb.com"):
        return 55, "MySQL add-ons close idle connections after 60 s"
    return usual(kind, host)


FACTS = PlatformFacts(
    log="stdout",
    log_reason="Heroku collects what is printed; files vanish when the dyno restarts",
    recycle=pool_recycle,
    reserved=RESERVED,
    max_env_bytes=ENV_LIMIT,
    ephemeral_disk=True,
    proxy_hops=1,
    adds_time=True,  # Logplex stamps every line
)
