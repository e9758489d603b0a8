"""Waits for a build, and for a release with its release command, and shows their output on the way."""

from __future__ import annotations

from paasctl.errors import PaasctlError
from paasctl.model import Say
from paasctl.redact import Redactor

from . import waiting
from .api import Api
from .output import Output
from .records import HerokuBuild, HerokuRelease

#: Seconds. Heroku stops a build after 15 minutes and a release command after an hour.
BUILD_LIMIT = 20 * 60
RELEASE_LIMIT = 65 * 60
#: How often a build that succeeded is asked for the release that it made.
_NO_RELEASE = 6


class Failed(PaasctlError):
    """A build or a release is over, and failed."""


class StillRunning(PaasctlError):
    """What was waited for goes on at Heroku; undoing anything now would only cross it."""


def await_build(api: Api, build: HerokuBuild, redactor: Redactor, say: Say) -> HerokuBuild:
    """Follow a build to its end and to the release that it makes.

    Raises:
        Failed: the build failed; the last lines of its output are in ``output``.
        StillRunning: it takes longer than Heroku allows.
    """
    output = Output(build.stream, redactor, say)
    for look in waiting.looks(BUILD_LIMIT):
        output.follow()
        build = api.build(build.id)
        if look or build.status == "failed":
            output.follow()  # the stream may have ended before the build did
        if build.status == "failed":
            raise Failed(
                f"the build {build.id} failed; the release before it still serves",
                hint="the last lines of the build's output say why; correct it and push again",
                output=output.tail(),
            )
        if build.status == "succeeded" and (build.release or look >= _NO_RELEASE):
            output.tail()
            return build
    raise StillRunning(f"the build {build.id} is still running", hint="the same command follows it again")


def await_release(api: Api, release: HerokuRelease, redactor: Redactor, say: Say) -> HerokuRelease:
    """Wait until a release is no longer pending; its release command's output is shown.

    Raises:
        Failed: the release failed; the last lines of the release command are in ``output``.
        StillRunning: it takes longer than Heroku allows.
    """
    output = Output(release.stream, redactor, say)
    for look in waiting.looks(RELEASE_LIMIT):
        if look:
            release = api.release(release.id)
        if look or release.status != "succeeded":
            output.follow()
        if release.status == "succeeded":
            output.tail()
            return release
        if release.status != "pending":
            raise Failed(
                f"release {release.name} failed in its release command; it is not live",
                hint="the last lines of its output say why; correct it and push again",
                output=output.tail(),
            )
    raise StillRunning(f"the release {release.name} is still running", hint="the same command follows it again")
