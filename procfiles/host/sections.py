"""Supervisor's configuration of an app: it names neither a release nor a setting, so that a push never changes it."""

from __future__ import annotations

from typing import Any, Dict

SECTION = """\
[{kind}:{prefix}{name}]
{socket}process_name=%(program_name)s_%(process_num)d
numprocs={instances}
command=/bin/sh start process {name} %(process_num)d
directory={root}
{user}autostart=true
autorestart=true
startsecs={startsecs}
startretries=3
stopsignal=TERM
stopwaitsecs={stop_wait}
stopasgroup={stop_group}
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/%(program_name)s_%(process_num)d.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=10
"""

START = """\
#!/bin/sh
# the release that `current` names now says how its processes start
cd "$(dirname "$0")" || exit 1
release=$(readlink current) || exit 1
exec "$release/start" "$@"
"""


def section(name: str, settings: Dict[str, Any], shared: bool, place: Dict[str, str]) -> str:
    """One process's section.

    Args:
        settings: its ``instances`` and ``stop_wait`` (seconds).
        shared: it takes over a socket that Supervisor holds.
        place: ``root`` and ``logs`` (escaped), ``prefix`` of the name, ``socket`` lines, and the ``user`` lines.
    """
    return SECTION.format(
        kind="fcgi-program" if shared else "program",
        name=name,
        prefix=place["prefix"],
        socket=place["socket"] if shared else "",
        instances=settings["instances"],
        root=place["root"],
        user=place["user"],
        logs=place["logs"],
        startsecs=1 if name == "web" else 2,
        stop_wait=settings["stop_wait"],
        # a shell between Supervisor and the program would keep the signal for itself
        stop_group="false" if shared else "true",
    )


def escape(path: str) -> str:
    """A path as Supervisor's configuration wants it; a per cent sign would begin an expansion."""
    return path.replace("%", "%%")
