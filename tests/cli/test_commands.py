"""Commands as processes of their own, against a real server and without one."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from kit.served import Served, promptforge, serving, surroundings
from promptforge.cli.exits import Exit


@pytest.fixture(scope="module")
def prompt(served: Served) -> str:
    """A prompt made by the command."""
    template = "Answer {{ticket}} for {{count}} people"
    done = served.run(
        "prompt", "create", "Support Reply", "--template", template, "--model", "demo-small", "--tag", "care", "--json"
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["name"]


def test_run_a_prompt(served: Served, prompt: str) -> None:
    """The output alone goes to stdout; what it took and cost to stderr."""
    done = served.run("run", prompt, "--var", "ticket=Where?", "--var", "count:=3", "--tag", "team=care")
    assert done.returncode == 0, done.stderr
    assert "simulated" in done.stdout
    assert "exec_" not in done.stdout
    assert done.stderr.startswith("exec_")
    assert "success" in done.stderr


def test_run_reads_variables_from_a_file(served: Served, prompt: str, tmp_path: Path) -> None:
    """--vars takes a JSON object from a file or stdin, and --var wins over it."""
    file = tmp_path / "vars.json"
    file.write_text(json.dumps({"ticket": "from the file", "count": 1}))
    done = served.run("run", prompt, "--vars", str(file), "--var", "count:=2", "--json")
    assert json.loads(done.stdout)["input"] == {"ticket": "from the file", "count": 2}
    done = served.run("run", prompt, "--vars", "-", "--json", stdin='{"ticket": "in", "count": 4}')
    assert json.loads(done.stdout)["input"] == {"ticket": "in", "count": 4}


def test_run_a_model_on_a_text(served: Served) -> None:
    """With --model the text runs without a prompt, from the command line or stdin."""
    done = served.run("run", "--model", "demo-small", "Say hello", "--json")
    execution = json.loads(done.stdout)
    assert (execution["promptVersion"], execution["input"], execution["source"]) == (
        None,
        {"content": "Say hello"},
        "cli",
    )
    done = served.run("run", "--model", "demo-small", "--system", "Be brief", "--json", stdin="From stdin")
    assert json.loads(done.stdout)["input"] == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "From stdin"},
    ]


def test_run_streamed(served: Served, prompt: str) -> None:
    """--stream prints the same output as it comes, and --json then prints the execution alone."""
    whole = served.run("run", prompt, "--var", "ticket=x", "--var", "count:=1", "-q")
    pieces = served.run("run", prompt, "--var", "ticket=x", "--var", "count:=1", "-q", "--stream")
    assert (pieces.returncode, pieces.stdout) == (0, whole.stdout)
    done = served.run("run", prompt, "--var", "ticket=x", "--var", "count:=1", "--stream", "--json")
    assert json.loads(done.stdout)["streamed"] is True


def test_run_without_waiting(served: Served) -> None:
    """--no-wait prints the id, by which the execution can be asked for."""
    done = served.run("run", "--model", "demo-small", "x", "--no-wait", "-q")
    shown = served.run("executions", "show", done.stdout.strip(), "--json")
    assert json.loads(shown.stdout)["input"] == {"content": "x"}


def test_a_failed_run_exits_1(served: Served) -> None:
    """An execution in error is one clear line on stderr and exit code 1; with --json the record is on stdout."""
    how = ["--param", 'demo={"fail": "authentication"}']
    done = served.run("run", "--model", "demo-small", "x", "-q", *how)
    assert (done.returncode, done.stdout) == (Exit.EXECUTION, "")
    assert done.stderr == "promptforge: Invalid API key for provider 'demo'\n"
    execution = json.loads(served.run("run", "--model", "demo-small", "x", "--json", *how).stdout)
    assert (execution["status"], execution["errorType"]) == ("error", "authentication")
    assert (execution["output"], execution["costUsd"]) == (None, "0.0000")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", "no-such-prompt"), Exit.NOT_FOUND),
        (("prompt", "show", "no-such-prompt"), Exit.NOT_FOUND),
        (("executions", "show", "exec_none"), Exit.NOT_FOUND),
        (("executions", "list", "--api-key", "pf_" + "x" * 40), Exit.PERMISSION),
        (("executions", "list", "--since", "yesterday-ish"), Exit.REFUSED),
        (("executions", "stats", "--window", "fortnight"), Exit.REFUSED),
        (("prompt", "create", "Support Reply"), Exit.REFUSED),
        (("executions", "list", "--workspace", "nobody"), Exit.PERMISSION),
    ],
)
def test_errors_are_one_line(served: Served, prompt: str, arguments: tuple[str, ...], code: Exit) -> None:
    """Every error is one line on stderr with its exit code, never a traceback, and stdout stays empty."""
    done = served.run(*arguments)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("promptforge: ")
    assert done.stderr.count("\n") == 1


def test_prompt_commands(served: Served) -> None:
    """A prompt's life on the command line."""
    content = ["--model", "demo-small"]
    served.run("prompt", "create", "life", "--template", "Hi {{name}}", *content, "--label", "live")
    done = served.run("prompt", "version", "life", "--file", "-", *content, "--json", stdin="Hello {{name}}")
    assert json.loads(done.stdout)["version"] == 2
    assert "live=1" in served.run("prompt", "label", "life", "next", "2").stdout
    assert "-Hi {{name}}" in served.run("prompt", "diff", "life", "1", "2").stdout
    assert "Hello {{name}}" in served.run("prompt", "show", "life").stdout
    assert "Hi {{name}}" in served.run("prompt", "show", "life", "--version", "1").stdout
    assert served.run("prompt", "show", "life", "--version", "7").returncode == Exit.NOT_FOUND
    ran = served.run("run", "life", "--label", "live", "--var", "name=Ada", "--json")
    assert json.loads(ran.stdout)["promptVersion"]["version"] == 1
    assert json.loads(served.run("prompt", "fork", "life", "afterlife", "--json").stdout)["name"] == "afterlife"
    names = [line.split("\t")[0] for line in served.run("prompt", "list").stdout.splitlines()]
    assert names[0] == "NAME"
    assert {"life", "afterlife"} <= set(names)
    assert served.run("prompt", "label", "life", "next", "--remove").returncode == 0
    assert served.run("prompt", "archive", "life").returncode == 0
    assert "life" not in [one["name"] for one in json.loads(served.run("prompt", "list", "--json").stdout)]


def test_services(served: Served) -> None:
    """The services are listed with what they sent, and why something of theirs was refused."""
    served.run("run", "--model", "demo-small", "x")
    listed = json.loads(served.run("services", "--window", "24h", "--json").stdout)
    (mine,) = [one for one in listed if one["sources"] == ["cli"]]
    assert mine["figures"]["calls"] >= 1
    table = served.run("services", "--window", "1d").stdout
    assert "REJECTED" in table
    assert mine["name"] in table


def test_list_and_stats(served: Served) -> None:
    """List and stats agree, filters work, and stats has the promised keys."""
    for fail in ("", '{"fail": "authentication"}'):
        served.run("run", "--model", "demo-small", "x", "--tag", "n=stats", "--param", f"demo={fail or '{}'}")
    listed = json.loads(served.run("executions", "list", "--tag", "n=stats", "--json").stdout)
    assert sorted(one["status"] for one in listed) == ["error", "success"]
    stats = json.loads(served.run("executions", "stats", "--tag", "n=stats", "--json").stdout)
    assert {"runs", "calls", "successRate", "tokenIn", "tokenOut", "costUsd", "cost"} <= set(stats)
    assert (stats["calls"], stats["successRate"]) == (2, 50.0)
    assert stats["tokenIn"] == sum(one["tokenIn"] for one in listed)
    rows = served.run("executions", "list", "--tag", "n=stats", "--status", "error").stdout.splitlines()
    assert len(rows) == 2
    assert rows[1].split("\t")[2] == "error"
    assert "Success rate\t50.00 %" in served.run("executions", "stats", "--tag", "n=stats").stdout


def test_show_tells_the_whole_story(served: Served) -> None:
    """Show has input, output, figures and cost."""
    ran = json.loads(served.run("run", "--model", "demo-small", "Tell me", "--json").stdout)
    told = served.run("executions", "show", ran["id"]).stdout
    for part in (ran["id"], "Tell me", ran["output"].splitlines()[0], "Cost"):
        assert part in told


def test_tail_follows(served: Served) -> None:
    """Tail prints each execution as it ends, one JSON object a line, until it is interrupted."""
    with subprocess.Popen(
        [sys.executable, "-m", "promptforge.cli", "executions", "tail", "-n", "0", "--tag", "n=tail", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=surroundings(served.home),
    ) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        while served.run("executions", "list", "--tag", "n=tail", "--json").stdout.strip() == "[]" or not _ready(tail):
            served.run("run", "--model", "demo-small", "x", "--tag", "n=tail", "-q")
        line = json.loads(tail.stdout.readline())
        assert (line["tags"], line["status"]) == ({"n": "tail"}, "success")
        tail.send_signal(signal.SIGINT)
        rest = tail.stderr.read()
    assert tail.returncode == Exit.INTERRUPTED
    assert "Traceback" not in rest


def _ready(process: subprocess.Popen[str]) -> bool:
    """Whether there is something to read."""
    import select

    return bool(select.select([process.stdout], [], [], 0)[0])


def test_keys(served: Served) -> None:
    """A key is created with its secret on stdout alone, works, and is revoked."""
    made = served.run("keys", "create", "ci", "--scope", "read", "--expires", "30d")
    secret = made.stdout.strip()
    assert secret.startswith("pf_")
    assert secret not in made.stderr
    assert served.run("executions", "list", PROMPTFORGE_API_KEY=secret).returncode == 0
    denied = served.run("run", "--model", "demo-small", "x", PROMPTFORGE_API_KEY=secret)
    assert denied.returncode == Exit.PERMISSION
    key = next(one for one in json.loads(served.run("keys", "list", "--json").stdout) if one["name"] == "ci")
    assert (key["scopes"], bool(key["expiresAt"])) == (["READ"], True)
    assert secret not in served.run("keys", "list").stdout
    assert served.run("keys", "revoke", key["id"]).returncode == 0
    assert served.run("executions", "list", PROMPTFORGE_API_KEY=secret).returncode == Exit.PERMISSION


def test_secrets(served: Served) -> None:
    """A value comes from stdin, without the end of its line; no command prints it, and none takes it as an argument."""
    value = "sk-of-the-command-1"
    done = served.run("secret", "set", "crm", stdin=f"{value}\n")
    assert (done.returncode, value in done.stdout + done.stderr) == (0, False), done.stderr
    assert "{{secret.crm}}" in done.stderr
    assert served.run("secret", "set", "crm", value).returncode == Exit.USAGE
    listed = served.run("secret", "list")
    assert listed.stdout.splitlines()[1].startswith("crm\t")
    assert [one["name"] for one in json.loads(served.run("secret", "list", "--json").stdout)] == ["crm"]
    ran = served.run("run", "--model", "demo-small", f"Call with {value}", "--json")
    shown = served.run("executions", "show", json.loads(ran.stdout)["id"])
    assert (value in shown.stdout, "Call with [redacted]" in shown.stdout) == (False, True)
    assert served.run("secret", "set", "crm", stdin="short\n").returncode == Exit.REFUSED
    assert served.run("secret", "remove", "crm").returncode == 0
    assert served.run("secret", "remove", "crm").returncode == Exit.NOT_FOUND


def test_a_secret_is_typed_without_being_seen(served: Served) -> None:
    """On a terminal the value is asked for twice, and not shown while it is typed."""
    import os
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "promptforge.cli", "secret", "set", "typed", "--json"]
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=surroundings(served.home),
        start_new_session=True,
    ) as process:
        os.close(theirs)
        said = b""
        for number in (1, 2):
            while said.count(b": ") < number:
                said += os.read(ours, 1000)
            os.write(ours, b"sk-typed-by-hand\n")
        made = json.loads(process.communicate(timeout=60)[0])
    said += os.read(ours, 1000)
    os.close(ours)
    assert (process.returncode, made["name"]) == (0, "typed")
    assert b"typed-by-hand" not in said


def test_reader_that_leaves_early(served: Served) -> None:
    """A pipe that closes early ends the command quietly."""
    for _ in range(3):
        served.run("run", "--model", "demo-small", "x", "-q")
    script = f'"{sys.executable}" -m promptforge.cli executions list --limit 500 --content --json | head -c 10'
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env=surroundings(served.home)
    )
    assert done.stderr == ""


def test_without_a_server_the_home_is_opened_here(tmp_path: Path) -> None:
    """With no server running a command opens the home itself, streams too, and what it recorded is there next time."""
    done = promptforge(tmp_path, "run", "--model", "demo-small", "Alone", "--stream", "--json")
    assert done.returncode == 0, done.stderr
    execution = json.loads(done.stdout)
    assert (execution["source"], execution["streamed"]) == ("cli", True)
    shown = promptforge(tmp_path, "executions", "show", execution["id"], "--json")
    assert json.loads(shown.stdout)["output"] == execution["output"]
    assert promptforge(tmp_path, "prompt", "show", "none").returncode == Exit.NOT_FOUND


def test_commands_are_processes_too(served: Served) -> None:
    """As a process of its own a command prints, fails and reads stdin as it does in the other tests."""
    done = promptforge(served.home, "run", "--model", "demo-small", "-q", stdin="From stdin")
    assert (done.returncode, done.stderr) == (0, "")
    assert "simulated" in done.stdout
    done = promptforge(served.home, "run", "--model", "demo-small", "x", "-q", "--param", 'demo={"fail": "provider"}')
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (Exit.EXECUTION, "", 1)


def test_demo_is_removed(tmp_path: Path) -> None:
    """The demo workspace is worked on by name, and is gone after its removal, while the other one stays."""
    with serving(tmp_path, "--demo", PROMPTFORGE_DEMO_EXECUTIONS="50") as server:
        assert server.run("prompt", "list", "--workspace", "demo").returncode == 0
        kept = server.run("run", "--model", "demo-small", "Stay", "--json")
        done = server.run("demo", "remove", "--yes", "--json")
        assert (done.returncode, json.loads(done.stdout)) == (0, {"removed": True}), done.stderr
        assert server.run("prompt", "list", "--workspace", "demo").returncode == Exit.PERMISSION
        assert server.run("executions", "show", json.loads(kept.stdout)["id"]).returncode == 0


def test_login_prints_a_link_that_works_once(served):
    """A browser gets in with the link; the second time it is too late."""
    link = served.run("login").stdout.strip()

    def status() -> int:
        request = urllib.request.Request(link)
        opener = urllib.request.build_opener(_Stay())
        try:
            return opener.open(request).status
        except urllib.error.HTTPError as error:
            return error.code

    assert (303, 401) == (status(), status())


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None
