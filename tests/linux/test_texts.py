"""The root-owned texts of an app: nothing wider than what it needs, nothing that changes with a release."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from paasctl.procfiles.host import texts

names = st.from_regex(r"[a-z][a-z0-9-]{0,15}", fullmatch=True)


def config(**changes: Any) -> dict[str, Any]:
    """What setup knows of an app."""
    return {
        "app": "shop",
        "user": "deploy",
        "root": "/srv/shop",
        "logs": "/var/log/shop",
        "generation": "a",
        "handover": True,
        "port": 8100,
        "domain": "",
        "client_max_body_size": "25m",
        "static": {"/static/": "shop/static"},
        "settings": {"web": {"instances": 2, "stop_wait": 35}, "worker": {"instances": 1, "stop_wait": 10}},
        **changes,
    }


@given(names, st.dictionaries(names, st.integers(1, 5), min_size=1, max_size=4), st.sampled_from("ab"))
def test_sudo_allows_whole_command_lines_of_this_apps_processes(
    app: str, counts: dict[str, int], generation: str
) -> None:
    settings = {name: {"instances": count, "stop_wait": 35} for name, count in counts.items()}
    text = texts.sudoers(config(app=app, settings=settings, generation=generation))
    assert not re.search(r"[*?\[!]", text), "a wildcard"
    commands = text.split("= \\\n", 1)[1].split("\ndeploy", 1)[0].replace("\\\n", "").split(",")
    for command in commands:
        program, dash_c, path, verb, *processes = command.strip().replace("\\:", ":").split()
        assert (program, dash_c, path) == ("/usr/bin/supervisorctl", "-c", "/etc/supervisor/supervisord.conf")
        assert verb in ("status", "start", "stop", "restart")
        assert all(one.startswith(f"{app}-{generation}-") for one in processes)
        assert verb == "status" or len(processes) == 1
    assert len(commands) == 1 + 3 * sum(counts.values())


def test_nginx_asks_a_link_so_that_other_processes_need_no_reload() -> None:
    assert texts.nginx(config(generation="a")) == texts.nginx(config(generation="b"))
    assert texts.link_path(config()) in texts.nginx(config())


def test_two_apps_on_one_host_share_no_variable_of_nginx() -> None:
    """A map's variable is the whole host's."""
    one, other = (
        re.findall(r"^map .+ (\$paasctl\S+)", texts.nginx(config(app=app)), re.MULTILINE) for app in ("a-b", "c")
    )
    assert one == ["$paasctl_a_b_connection", "$paasctl_a_b_request_id", "$paasctl_a_b_scheme"]
    assert not {*one} & {*other}


def test_a_site_without_a_domain_is_the_default_one() -> None:
    assert "listen 80 default_server;" in texts.nginx(config())
    assert "default_server" not in texts.nginx(config(domain="shop.example.com"))
    assert "server_name shop.example.com;" in texts.nginx(config(domain="shop.example.com"))


def test_a_proxy_on_the_host_itself_is_believed_and_nobody_else() -> None:
    text = texts.nginx(config())
    assert re.findall(r"set_real_ip_from (.+);", text) == ["127.0.0.1", "::1"]
    ((name, cases),) = re.findall(r'map "\$realip_remote_addr \$http_x_forwarded_proto" (\S+) \{([^}]*)\}', text)
    assert cases.split() == ["default", "$scheme;", '"127.0.0.1', 'https"', "https;", '"::1', 'https"', "https;"]
    assert f"proxy_set_header X-Forwarded-Proto {name};" in text


def test_a_web_line_that_cannot_take_over_a_socket_is_asked_on_its_port() -> None:
    assert "server 127.0.0.1:8100 " in texts.nginx(config(handover=False))
    assert "socket=" not in texts.supervisor(config(handover=False))
    assert "web.sock" not in texts.tmpfiles(config(handover=False))


def test_a_reboot_finds_the_folder_and_the_link_of_the_generation_that_serves() -> None:
    lines = texts.tmpfiles(config(generation="b")).splitlines()
    assert lines[0] == "d /run/paasctl-shop 0755 root root -"
    assert lines[1] == "L /run/paasctl-shop/web.sock - - - - web-b.sock"


def test_supervisors_text_names_no_release_and_runs_nothing_as_root() -> None:
    text = texts.supervisor(config())
    assert text.count("\nuser=shop\n") == 2
    assert not re.search(r"releases|code/|venvs", text)
    assert text.count("stdout_logfile=/var/log/shop/") == 2


def test_sudo_reads_a_user_of_a_domain_as_one_name() -> None:
    """Unquoted, its @ would be sudo's own."""
    text = texts.sudoers(config(user="first.last@corp"))
    assert "\nfirst.last\\@corp ALL=(root) NOPASSWD: PAASCTL_SHOP\n" in text
