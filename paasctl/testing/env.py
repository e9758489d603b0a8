"""The env: byte for byte, nobody else's touched, nothing deleted unasked, nothing shown."""

from __future__ import annotations

import traceback

import pytest

from paasctl.errors import PaasctlError
from paasctl.testing.checkout import Checkout, Log, texts
from paasctl.testing.world import World

NEEDLE = "n33dle0f7he5ecret"  # no character that quoting, escaping or repr() would change
VALUES = {
    "KIT_EMPTY": "",
    "KIT_SPACE": "  in front and behind  ",
    "KIT_NEWLINE": "one\ntwo\n\nfour\n",
    "KIT_QUOTES": 'it\'s "quoted" and `ticked`',
    "KIT_DOLLAR": "$HOME ${HOME} $(id) %HOME% %%s %(x)s",
    "KIT_EQUALS": "a=b==c",
    "KIT_HASH": "a # b; c & d | e > f",
    "KIT_BACKSLASH": "\\n \\\\ \\x41 \\",
    "KIT_UNICODE": "grüße 日本語 🔑 \u2028",
    "KIT_TAB": "a\tb",
    "KIT_BRACES": "{a} {{b}} [c]",
    "KIT_LONG": "0123456789" * 3000,
}


class EnvContract:
    """The part of the contract about :class:`paasctl.sync.EnvChanges`."""

    def test_values_arrive_byte_for_byte(self, world: World, checkout: Checkout) -> None:
        checkout.env = dict(VALUES)
        changes = checkout.push().changes
        live = world.live().env
        wrong = [name for name, value in VALUES.items() if live.get(name) != value]
        assert not wrong, "the app gets other values than those in .env"
        observed = checkout.observe()
        wrong = [name for name, value in changes.result.items() if observed.env.get(name) != value]
        assert not wrong, "observe() reads other values than were written"
        assert not checkout.plan(), "the values are there, yet there is something to do"

    def test_the_manifest_is_written_with_the_values(self, checkout: Checkout) -> None:
        checkout.env = {"KIT_A": "1"}
        for value in ("2", "3"):
            checkout.env["KIT_A"] = value
            changes = checkout.push().changes
            stored = checkout.observe().manifest
            assert stored is not None, "observe() gives back no manifest"
            written = changes.manifest
            assert (stored.salt, stored.generation) == (written.salt, written.generation), "not the manifest as written"
            assert stored.entries == written.entries

    def test_the_env_alone_can_be_synced(self, world: World, checkout: Checkout) -> None:
        checkout.env = {"KIT_A": "1"}
        checkout.push()
        before, digest = world.live(), _digest(checkout)
        checkout.change_code("two")
        checkout.env["KIT_A"] = "2"
        checkout.push(code=False)
        after = world.live()
        assert (after.code, _digest(checkout)) == (before.code, digest), "an env-only sync changed the code"
        assert after.env["KIT_A"] == "2"
        assert not checkout.plan(code=False)

    def test_names_of_others_are_left_alone(self, world: World, checkout: Checkout) -> None:
        checkout.env = {"KIT_A": "1", "KIT_B": "1"}
        checkout.push()
        _by_hand(world, "KIT_ADDON_URL", "theirs")
        for env in ({"KIT_A": "2"}, {"KIT_A": "2", "KIT_C": "3"}, {}):
            checkout.env = env
            checkout.change_code(f"c{len(env):02}")
            checkout.push(delete=True)
            live = world.live().env
            assert live.get("KIT_ADDON_URL") == "theirs", "a name that paasctl never wrote was touched"
            assert {name for name in live if name in ("KIT_A", "KIT_B", "KIT_C")} == set(env)
        assert "KIT_ADDON_URL" in checkout.observe().env, "observe() leaves out a name of others"

    def test_a_name_set_by_hand_before_the_first_push_survives_it(self, world: World, checkout: Checkout) -> None:
        _by_hand(world, "KIT_ADDON_URL", "theirs")
        checkout.env = {"KIT_A": "1"}
        checkout.push(delete=True)
        live = world.live().env
        assert live.get("KIT_ADDON_URL") == "theirs", "the first push removed a name that was there before"
        assert live.get("KIT_A") == "1"

    def test_a_name_is_deleted_only_when_that_was_decided(self, world: World, checkout: Checkout) -> None:
        checkout.env = {"KIT_A": "1", "KIT_B": "1"}
        checkout.push()
        checkout.env = {"KIT_A": "2"}
        assert "KIT_B" in checkout.push(delete=False).changes.held
        assert world.live().env.get("KIT_B") == "1", "a name was deleted that changes.delete does not hold"
        assert "KIT_B" in checkout.push(delete=True).changes.delete
        live = world.live().env
        assert "KIT_B" not in live, "a name that changes.delete holds is still there"
        assert live["KIT_A"] == "2"

    def test_without_an_env_file_the_env_stays(self, world: World, checkout: Checkout) -> None:
        checkout.env = {"KIT_A": "1"}
        checkout.push()
        checkout.env = None
        checkout.change_code("two")
        checkout.push(delete=True)
        assert world.live().env.get("KIT_A") == "1", "without a .env (in CI) the env stays as it is"

    def test_no_secret_is_shown(self, world: World, checkout: Checkout) -> None:
        for mark in ("one", "two"):
            checkout.env = {"KIT_TOKEN": f"{mark} {NEEDLE}", "KIT_OLD": NEEDLE}
            checkout.change_code(mark)
            log = Log()
            prepared = checkout.push(log=log)
            assert NEEDLE not in texts(prepared, log), "a value is in what a push shows"
        assert NEEDLE not in repr(checkout.observe()), "repr(Observed) shows a value"
        checkout.env = {"KIT_TOKEN": f"three {NEEDLE}"}
        world.break_health(checkout.root)
        log = Log()
        with pytest.raises(PaasctlError) as caught:
            checkout.push(delete=True, log=log)
        told = "".join(traceback.format_exception(caught.value))
        shown = "\n".join([told, caught.value.message, caught.value.hint, caught.value.output, *log.lines])
        assert NEEDLE not in shown, "a value is in what a failed push shows"


def _digest(checkout: Checkout) -> str | None:
    live = checkout.observe().live
    return live.digest if live else None


def _by_hand(world: World, name: str, value: str) -> None:
    try:
        world.set_by_hand(name, value)
    except NotImplementedError:
        pytest.skip("nobody else can set env names on this platform")
