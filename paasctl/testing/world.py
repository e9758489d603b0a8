"""What a test of an adapter must provide: a platform, or something that answers like one, seen from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from paasctl.target import Adapter, Target


@dataclass(frozen=True, slots=True)
class Live:
    """What visitors get: something that tells one code from another ("" where nothing serves), and the app's env.

    ``env`` is what the app finds in its environment. Names that only the platform sets (PORT, a dyno's name, the id of
    the release) are left out.
    """

    code: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


class World(Protocol):
    """One empty platform with one account on it, made anew for each test.

    All but :meth:`connect` look past the adapter, or change the platform as somebody else would.
    """

    @property
    def adapter(self) -> Adapter:
        """What the adapter's entry point names."""

    def connect(self) -> Target:
        """A new connection to the one app that the test is about; others may still be open."""

    def snapshot(self) -> object:
        """Everything on the platform, as a value that equals another one when nothing has changed between them."""

    def calls(self) -> int | None:
        """How often the platform has been talked to so far (requests, commands); None where that cannot be counted."""

    def live(self) -> Live:
        """What the app serves at this moment, and with which env."""

    def set_by_hand(self, name: str, value: str) -> None:
        """Put an env name on the app, as a colleague does with the vendor's own tools, or an add-on.

        Raises:
            NotImplementedError: nobody can; the tests of foreign names are skipped then.
        """

    def break_health(self, root: Path) -> None:
        """See to it that the next release is not healthy: by what the platform answers, or by a change in ``root``,
        the folder of the app that is pushed next."""
