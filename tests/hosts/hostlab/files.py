"""What files a host has: everything that setup or a push could change, and nothing that the host itself writes."""

from __future__ import annotations

from hostlab.fleet import Host

SEARCHED = "/etc /var/www /var/log /usr/local /opt /home /root /srv"
#: what Debian's own programs leave beside the files of users, and what its services write
OMITTED = (
    *(f"-path '/etc/{name}-'" for name in ("group", "gshadow", "passwd", "shadow", "sub?id")),
    "-path /etc/.pwd.lock",
    "-path /var/log/journal",
    "-path '/var/log/supervisor/*---supervisor-*'",
)
FIND = rf"find {SEARCHED} -xdev \( {' -o '.join(OMITTED)} \) -prune -o"
#: kind, owner, group, mode and where a link leads; the contents, but for logs
LISTING = (
    rf"{FIND} -printf '%p %y %u %g %m %l\n' | sort;"
    rf" {FIND} -type f -not -path '/var/log/*' -exec sha256sum {{}} + | sort -k 2"
)
AGENT = "/home/deploy/.cache"


def listing(host: Host) -> str:
    """Every file with its owner, mode and content."""
    return host.out(LISTING)


def without_agent(listing: str) -> str:
    """A listing without the program that every command but setup keeps on a host until the last app is removed."""
    return "".join(line for line in listing.splitlines(keepends=True) if AGENT not in line)
