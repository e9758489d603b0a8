"""Connections that the platform closed while they were idle: renewed in time, and tried before use."""

from __future__ import annotations

from .base import guard, in_force, number, setting
from .hooks import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Only over a network do idle connections die; recycling an in-memory SQLite would lose its data.
NETWORK = frozenset(("cockroachdb", "mariadb", "microsoft", "mssql", "mysql", "oracle", "postgresql"))


def install_databases() -> None:
    """Clamp a connection's age to ``PAASCTL_POOL_RECYCLE`` seconds (0 or unset: the app's own), and try it first."""
    seconds = number("POOL_RECYCLE")
    ping = setting("POOL_PRE_PING", "1") != "0"
    if seconds <= 0 and not ping:
        return
    after_import("sqlalchemy.pool.base", lambda module: clamp_pools(module.Pool, seconds, ping))
    after_import("django.db.backends.base.base", lambda module: clamp_django(module.BaseDatabaseWrapper, seconds, ping))
    age = "renewed after at most %d s" % seconds if seconds > 0 else "as old as the app has it"
    in_force["databases"] = "%s, tried before use: %s" % (age, "yes" if ping else "no")


def clamp_pools(pool: Any, seconds: int, ping: bool) -> None:
    """SQLAlchemy, 1.3 to 2.1: pools made earlier and later.

    Two properties in place of the attributes: ``Pool.__init__`` itself must stay as it is, because create_engine
    reads the names of its arguments from its code.
    """

    def recycle(self: Any) -> Any:
        own = self.__dict__.get("_recycle", -1)
        return clamped(own, seconds) if is_network(self) else own

    def pre_ping(self: Any) -> Any:
        return self.__dict__.get("_pre_ping", False) or (ping and is_network(self))

    pool._recycle = property(recycle, lambda self, value: self.__dict__.__setitem__("_recycle", value))
    pool._pre_ping = property(pre_ping, lambda self, value: self.__dict__.__setitem__("_pre_ping", value))


def is_network(pool: Any) -> bool:
    return getattr(getattr(pool, "_dialect", None), "name", None) in NETWORK


def clamped(own: Any, seconds: int) -> Any:
    """The app's own value where it is shorter; -1 (never) and every longer one become ours, where we have one."""
    if seconds <= 0:
        return own
    return own if isinstance(own, (int, float)) and 0 <= own < seconds else seconds


def clamp_django(wrapper: Any, seconds: int, ping: bool) -> None:
    """Django: connections that are kept over requests are renewed in time and tried first; 0 stays 0."""
    init = wrapper.__init__

    def clamped_init(self: Any, settings_dict: Any, *args: Any, **options: Any) -> None:
        with guard("CONN_MAX_AGE"):
            if self.vendor in NETWORK and settings_dict.get("CONN_MAX_AGE", 0) != 0:
                settings_dict["CONN_MAX_AGE"] = clamped(settings_dict["CONN_MAX_AGE"], seconds)
                settings_dict["CONN_HEALTH_CHECKS"] = ping or settings_dict.get("CONN_HEALTH_CHECKS", False)
        init(self, settings_dict, *args, **options)

    wrapper.__init__ = clamped_init
