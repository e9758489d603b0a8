"""The root-owned files of an app on a Linux host, as texts. Nothing here is written or run."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List

from .sections import escape, section

Config = Dict[str, Any]

SOCKET = """\
socket=unix://{path}
socket_owner={app}:www-data
socket_mode=0660
socket_backlog=1024
"""

NGINX = """\
# written by `paasctl setup`; it is written anew when the domain or the processes change
map $http_upgrade ${connection} {{
    default upgrade;
    ''      close;
}}
# a request's id is kept when it is harmless, as the runtime judges it
map $http_x_request_id ${request_id} {{
    default                    $request_id;
    "~^[A-Za-z0-9._-]{{8,200}}$" $http_x_request_id;
}}
# a proxy on this host itself (one that ends TLS) says whose request it passes on, and how that came; nobody else can
map "$realip_remote_addr $http_x_forwarded_proto" ${scheme} {{
    default           $scheme;
    "127.0.0.1 https" https;
    "::1 https"       https;
}}
upstream paasctl-{app} {{
    server {upstream} fail_timeout=0;
}}
server {{
    listen 80{default};
    listen [::]:80{default};
    server_name {domain};
    client_max_body_size {size};
    set_real_ip_from 127.0.0.1;
    set_real_ip_from ::1;
    real_ip_header X-Forwarded-For;
    access_log /var/log/nginx/paasctl-{app}.log;
{static}
    location / {{
        try_files /nonexistent @app;
    }}
    location @app {{
        proxy_pass http://paasctl-{app};
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto ${scheme};
        proxy_set_header X-Request-ID ${request_id};
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection ${connection};
        proxy_read_timeout 75s;
    }}
}}
"""

STATIC = """\
    location {url} {{
        root /var/www/paasctl-{app}/current;
        try_files $uri @app;
    }}
"""

SUDOERS = """\
# written by `paasctl setup`: {user} may restart this app's processes and act as its user; nothing wider
Cmnd_Alias {alias} = \\
  {commands}
{user} ALL=(root) NOPASSWD: {alias}
{user} ALL=({app}) NOPASSWD: ALL
"""

CTL = "/usr/bin/supervisorctl -c /etc/supervisor/supervisord.conf"


def prefix(config: Config) -> str:
    """What stands before the app's process names in Supervisor; two generations can stand beside each other."""
    return "%s-%s-" % (config["app"], config["generation"])


def socket_path(config: Config) -> str:
    return "/run/paasctl-%s/web-%s.sock" % (config["app"], config["generation"])


def link_path(config: Config) -> str:
    """Where nginx finds the socket of the generation that serves: a link, which is moved without a word to nginx."""
    return "/run/paasctl-%s/web.sock" % config["app"]


def programs(config: Config) -> List[str]:
    """The full names of every process, in the order in which their status is asked."""
    found = []
    for name, settings in sorted(config["settings"].items()):
        program = prefix(config) + name
        found += ["%s:%s_%d" % (program, program, number) for number in range(settings["instances"])]
    return found


def supervisor(config: Config) -> str:
    """``/etc/supervisor/conf.d/paasctl-APP.conf``."""
    app = config["app"]
    home = 'environment=HOME="%s/shared",USER="%s",LOGNAME="%s"\n' % (escape(config["root"]), app, app)
    place = {
        "root": escape(config["root"]),
        "logs": escape(config["logs"]),
        "prefix": prefix(config),
        "user": "user=%s\numask=027\n%s" % (app, home),
        "socket": SOCKET.format(path=socket_path(config), app=app),
    }
    settings = config["settings"]
    texts = [section(n, settings[n], n == "web" and config["handover"], place) for n in sorted(settings)]
    return "; written by `paasctl setup`; a push does not change it\n" + "\n".join(texts)


def nginx(config: Config) -> str:
    """``/etc/nginx/sites-available/paasctl-APP``."""
    app, domain = config["app"], config["domain"]
    variable = "paasctl_%s_" % re.sub(r"\W", "_", app)
    upstream = "unix:" + link_path(config) if config["handover"] else "127.0.0.1:%d" % config["port"]
    return NGINX.format(
        app=app,
        connection=variable + "connection",
        request_id=variable + "request_id",
        scheme=variable + "scheme",
        upstream=upstream,
        domain=domain or "_",
        default="" if domain else " default_server",
        size=config["client_max_body_size"],
        static="".join(STATIC.format(url=url, app=app) for url in sorted(config["static"])),
    )


def sudoers(config: Config) -> str:
    """``/etc/sudoers.d/paasctl-APP``: each allowed command line in full."""
    names = [name.replace(":", "\\:") for name in programs(config)]
    lines = ["%s status %s" % (CTL, " ".join(names))]
    lines += ["%s %s %s" % (CTL, verb, name) for name in names for verb in ("start", "stop", "restart")]
    alias = "PAASCTL_" + re.sub(r"[^A-Z0-9]", "_", config["app"].upper())
    user = config["user"].replace("@", "\\@")
    return SUDOERS.format(user=user, app=config["app"], alias=alias, commands=", \\\n  ".join(lines))


def tmpfiles(config: Config) -> str:
    """``/etc/tmpfiles.d/paasctl-APP.conf``: without this folder the host's supervisord does not even start."""
    lines = "d /run/paasctl-%s 0755 root root -\n" % config["app"]
    if config["handover"]:
        lines += "L %s - - - - %s\n" % (link_path(config), os.path.basename(socket_path(config)))
    return lines
