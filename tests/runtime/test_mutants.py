"""The runtime made wrong on purpose: for every mutant, the named test fails.

A mutant is one textual change of the joined file; a change that no longer finds its text fails here, so that the list
cannot grow stale.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from paasctl.overlay import runtime_source

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Mutant:
    old: str
    new: str
    caught_by: str


MUTANTS = {
    "a handler is left on its file": Mutant(
        'self.redirects = kind in ("stdout", "stderr")',
        "self.redirects = False",
        "test_logs.py::test_every_record_ends_on_stdout_once_and_no_file_is_made[FileHandler]",
    ),
    "a record is printed twice": Mutant(
        "notes_of(record).once.pop()",
        "notes_of(record)",
        "test_logs.py::test_every_record_ends_on_stdout_once_and_no_file_is_made[two handlers on one logger]",
    ),
    "a record of a queue is in the file and on the console": Mutant(
        "notes_of(record).taken = True  # it will come back, perhaps as a copy",
        "pass",
        "test_log_files.py::test_what_a_queue_or_a_buffer_holds_is_only_in_the_file",
    ),
    "a copy of a record is printed too": Mutant(
        "    if shared:\n        note(record, Notes(*shared))",
        "",
        "test_logs.py::test_every_record_ends_on_stdout_once_and_no_file_is_made"
        "[QueueListener with a file, and a console beside the queue]",
    ),
    "an app without a set-up stays silent": Mutant(
        "    return not any(is_own(handler) for handler in logging.root.handlers)",
        "    return False",
        "test_logs.py::test_every_record_ends_on_stdout_once_and_no_file_is_made[no set-up at all]",
    ),
    "files are not locked": Mutant(
        "            try:\n                fcntl.flock(self.fd, fcntl.LOCK_EX)\n            except OSError as error:",
        "            try:\n                pass\n            except OSError as error:",
        "test_log_files.py::test_forked_processes_share_every_kind_of_file[slow to roll over-after]",
    ),
    "a file that another process rolled over is not followed": Mutant(
        "            follow(handler)\n",
        "",
        "test_log_files.py::test_a_file_that_another_process_rolled_over_is_followed",
    ),
    "the recycle is not clamped for an engine made before the hook": Mutant(
        "    if name in sys.modules:\n        run_hook(sys.modules[name])\n    elif",
        "    if",
        "test_pools.py::test_an_engine_made_before_the_hook[2.1]",
    ),
    "pre-ping is missing": Mutant(
        'return self.__dict__.get("_pre_ping", False) or (ping and is_network(self))',
        'return self.__dict__.get("_pre_ping", False)',
        "test_pools.py::test_every_way_to_make_an_engine[2.0]",
    ),
    "pre-ping hangs on a number": Mutant(
        "if seconds <= 0 and not ping:",
        "if seconds <= 0:",
        "test_pools.py::test_without_a_number_connections_are_tried_all_the_same[0]",
    ),
    "a shorter recycle of the app's own is lengthened": Mutant(
        "return own if isinstance(own, (int, float)) and 0 <= own < seconds else seconds",
        "return seconds",
        "test_pools.py::test_every_way_to_make_an_engine[2.0]",
    ),
    "an in-memory SQLite is recycled, and its data lost": Mutant(
        "return clamped(own, seconds) if is_network(self) else own",
        "return clamped(own, seconds)",
        "test_pools.py::test_every_way_to_make_an_engine[2.0]",
    ),
    "the env is loaded after the app": Mutant(
        '    prepare()\n    with guard("the output\'s buffering"):',
        '    import atexit\n    atexit.register(prepare)\n    with guard("the output\'s buffering"):',
        "test_programs.py::test_values_arrive_byte_for_byte_and_before_the_app",
    ),
    "the inherited environment wins over the release's": Mutant(
        "                os.environ[name] = value\n                names.append(name)",
        "                os.environ.setdefault(name, value)\n                names.append(name)",
        "test_programs.py::test_values_arrive_byte_for_byte_and_before_the_app",
    ),
    "the release's env wins over what the line sets itself": Mutant(
        "            if name not in own:",
        "            if True:",
        "test_programs.py::test_what_a_line_sets_itself_wins_over_the_releases_env",
    ),
    "a URL is changed for a SQLAlchemy that does not insist on it": Mutant(
        "if (int(version[0]), int(version[1])) >= (1, 4):",
        "if True:",
        "test_programs.py::test_postgres_urls_become_what_sqlalchemy_takes[sqlalchemy==1.3.24-postgres]",
    ),
    "the mail is sent in the request's thread": Mutant(
        "self.queue.put_nowait(mail)",
        "self.send(mail)",
        "test_mail.py::test_a_dead_mail_server_costs_a_request_nothing",
    ),
    "the query string is in the mail": Mutant(
        'decode("utf-8", "replace")\n    hidden =',
        'decode("utf-8", "replace") + "?" + read("QUERY_STRING", "")\n    hidden =',
        "test_mail.py::test_an_error_in_a_request_is_one_mail_that_says_where",
    ),
    "the query string of an ASGI request is in the mail": Mutant(
        'scope.get("path", "")',
        'scope.get("path", "") + "?" + scope.get("query_string", b"").decode()',
        "test_mail.py::test_fastapi_as_it_is",
    ),
    "an env value is in the mail": Mutant(
        "text = text.replace(secret, mark)",
        "pass",
        "test_mail.py::test_an_error_in_a_request_is_one_mail_that_says_where",
    ),
    "an env value in the path is in the mail": Mutant(
        "without(path, secrets)",
        "path",
        "test_mail_secrets.py::test_a_secret_in_the_path_is_not_in_the_line_about_the_request"
        "[gunicorn -b 127.0.0.1:$PORT app:app]",
    ),
    "mails are not limited": Mutant(
        "if len(sent) >= self.limit:",
        "if False:",
        "test_mail.py::test_at_most_so_many_an_hour_and_a_count_of_the_rest",
    ),
    "every process has an hour's mails of its own": Mutant(
        "self.fd = os.open(count_file(), flags, 0o600)",
        "raise OSError",
        "test_mail.py::test_all_processes_of_a_release_share_the_hour",
    ),
    "a mail waits for a thread that does not run": Mutant(
        "return options is None or",
        "return True or",
        "test_uwsgi.py::test_an_error_is_mailed_where_threads_do_not_run",
    ),
    "uWSGI's file wrapper is taken for a class": Mutant(
        "if not isinstance(wrapper, type):",
        "if False:",
        "test_uwsgi.py::test_requests_files_and_logs_under_uwsgi",
    ),
    "an error of the runtime stops the app": Mutant(
        '        in_force[self.part] = "failed: " + kind.__name__\n        return True',
        '        in_force[self.part] = "failed: " + kind.__name__\n        return False',
        "test_programs.py::test_an_error_of_the_runtime_is_one_line_and_the_app_runs[fitting]",
    ),
    "a client can forge its address": Mutant(
        'return value.rpartition(",")[2].strip()',
        'return value.partition(",")[0].strip()',
        "test_servers.py::test_it_serves_on_exactly_the_sockets_it_is_handed[gunicorn -b 0.0.0.0:$PORT -w 2 wsgi:app]",
    ),
    "the sibling's probe is answered by everybody": Mutant(
        'sockets.append(private_socket(setting("PROBE_SOCKET")))',
        "pass",
        "test_servers.py::test_only_the_probe_and_a_stale_socket_in_its_place[uvicorn asgi:app]",
    ),
    "the report shows values": Mutant(
        '"env": sorted(os.environ)',
        '"env": dict(os.environ)',
        "test_programs.py::test_report_names_everything_and_shows_no_value",
    ),
}


@pytest.mark.e2e
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str, tmp_path: Path, environments: Path) -> None:
    mutant, source = MUTANTS[name], runtime_source().decode()
    assert source.count(mutant.old) == 1, "the runtime has changed: write this mutant anew"
    (tmp_path / "mutant.py").write_text(source.replace(mutant.old, mutant.new))
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    env |= {"RUNTIME_UNDER_TEST": str(tmp_path / "mutant.py"), "RUNTIME_ENVIRONMENTS": str(environments)}
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:rerunfailures",  # a mutant fails once
        "-o",
        "markers=e2e\nslow\nflaky",
        "--basetemp",
        str(tmp_path / "base"),
        f"{HERE}/{mutant.caught_by}",
    ]
    done = subprocess.run(argv, env=env, cwd=HERE.parent.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, f"the mutant survives {mutant.caught_by}\n{done.stdout[-1500:]}{done.stderr[-500:]}"
    assert "1 failed" in done.stdout
