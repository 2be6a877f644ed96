"""The command that writes executions to a file, with a server and without one, and what it writes goes in again."""

import json

import pytest

from kit.served import promptforge, serving


@pytest.fixture(scope="module")
def calls(served, tmp_path_factory):
    """Three calls that ran elsewhere, on record."""
    path = tmp_path_factory.mktemp("calls") / "calls.jsonl"
    one = {"createdAt": "2026-03-01T00:00:00Z", "model": "gpt-4o", "tokenIn": 10, "output": "=1+1"}
    path.write_text("".join(json.dumps({**one, "tokenOut": n, "latencyMs": n}) + "\n" for n in range(3)))
    assert served.run("import", str(path)).returncode == 0
    return path


def written(served, path, *options):
    """What the command says of the file that it writes."""
    done = served.run("export", "-o", str(path), "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_file_and_back(served, calls, tmp_path):
    """The file's name says the format; what is in it is known when it comes back."""
    for name in ("out.jsonl", "out.csv"):
        said = written(served, tmp_path / name)
        assert (said["executions"], said["bytes"]) == (3, (tmp_path / name).stat().st_size)
        again = json.loads(served.run("import", str(tmp_path / name), "--preset", "export", "--json").stdout)
        assert (again["received"], again["duplicate"]) == (3, 3)
    assert "'=1+1" in (tmp_path / "out.csv").read_text()
    written(served, tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_bytes()[:4] == b"PAR1"


def test_filters_and_content(served, calls, tmp_path):
    """Filters are those of the list; without content there is none; without a file it goes to stdout."""
    assert written(served, tmp_path / "some.jsonl", "--min-latency", "1", "--no-content")["executions"] == 2
    assert "1+1" not in (tmp_path / "some.jsonl").read_text()
    assert len(served.run("export", "--model", "gpt-*").stdout.splitlines()) == 3


def test_what_is_refused_leaves_no_file(served, tmp_path):
    """A refusal is a sentence, and the file that was there stays as it was."""
    path = tmp_path / "kept.csv"
    path.write_text("before")
    done = served.run("export", "-o", str(path), "--min-cost", "a lot")
    assert (done.returncode, "amount" in done.stderr) == (5, True), done.stderr
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("kept.csv", "before")]


def test_without_a_server(tmp_path):
    """The home is opened by the command itself, and another home takes the file with the same totals."""
    first, second, file = tmp_path / "a", tmp_path / "b", tmp_path / "out.jsonl"
    assert promptforge(first, "run", "--model", "demo-small", "Say hello").returncode == 0
    assert promptforge(first, "export", "-o", str(file)).returncode == 0
    assert len(file.read_text().splitlines()) == 1
    totals = [promptforge(first, "executions", "stats", "--json").stdout]
    with serving(second) as other:
        assert other.run("import", str(file), "--preset", "export").returncode == 0
        totals.append(other.run("executions", "stats", "--json").stdout)
    one, other = (json.loads(text) for text in totals)
    names = ("calls", "success", "tokenIn", "tokenOut", "cost")
    assert [one[name] for name in names] == [other[name] for name in names]
