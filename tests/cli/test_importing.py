"""Files of executions that ran elsewhere, through a real server: each line exactly once, the bad ones told."""

import json
from pathlib import Path

import pytest

from kit.served import Served

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
AZURE = SHARED / "data" / "azure_llm_conversation_2023.csv"


def taken(served: Served, path: Path, *options: str, code=0):
    """What the command says of a file."""
    done = served.run("import", str(path), "--json", *options)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def counts(said):
    """The four numbers."""
    return [said[name] for name in ("received", "stored", "duplicate", "rejected")]


def test_jsonl(served, tmp_path):
    """Lines are arrivals as they stand; bad ones are told by number and reason, and the file again adds nothing."""
    one = {"createdAt": "2026-03-01T00:00:00Z", "model": "gpt-4o", "tokenIn": 1}
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join([json.dumps(one), "{", json.dumps({**one, "tokens": 1}), json.dumps(one)]))
    said = taken(served, path, code=5)
    assert counts(said) == [4, 2, 0, 2]
    assert [(p["line"], "'tokens'" in p["message"]) for p in said["problems"]] == [(2, False), (3, True)]
    assert counts(taken(served, path, code=5)) == [4, 0, 2, 2]
    assert counts(taken(served, path, "--skip", "3")) == [1, 0, 1, 0]


def test_csv_with_a_mapping(served, tmp_path):
    """Columns become fields, nested ones as well; what is imported says so."""
    path = tmp_path / "calls.csv"
    path.write_text("time,in,stage\n2026-03-02 10:00:00,7,prod\n")
    mapping = ("createdAt=time", "tokenIn=in", "tags.stage=stage", "provider:=ours", "model:=own-1")
    said = taken(served, path, *(word for text in mapping for word in ("--map", text)))
    assert counts(said) == [1, 1, 0, 0]
    found = json.loads(served.run("executions", "list", "--tag", "stage=prod", "--json").stdout)
    assert [(one["source"], one["tokenIn"], one["model"]) for one in found] == [("import", 7, "own-1")]


@pytest.mark.parametrize(
    ("options", "words"), [(["--preset", "x"], "no preset"), (["--map", "tokenIn=no"], "no column 'no'")]
)
def test_refused_as_a_whole(served, tmp_path, options, words):
    """What cannot be read at all is one sentence."""
    path = tmp_path / "calls.csv"
    path.write_text("time\n1\n")
    done = served.run("import", str(path), *options)
    assert (done.returncode, words in done.stderr) == (5, True), done.stderr


@pytest.mark.shared
@pytest.mark.skipif(not AZURE.exists(), reason="needs the recorded data")
def test_production_calls(served):
    """19,366 production calls go in with the file's own totals to the token, and a second time add nothing."""
    options = ("--preset", "azure-llm", "--model", "gpt-4o", "--provider", "azure")
    assert counts(taken(served, AZURE, *options)) == [19_366, 19_366, 0, 0]
    assert counts(taken(served, AZURE, *options)) == [19_366, 0, 19_366, 0]
    lines = [line.split(",") for line in AZURE.read_text().splitlines()][1:]
    stats = json.loads(served.run("executions", "stats", "--window", "all", "--provider", "azure", "--json").stdout)
    assert (stats["calls"], stats["tokenIn"], stats["tokenOut"]) == (
        len(lines),
        sum(int(line[1]) for line in lines),
        sum(int(line[2]) for line in lines),
    )
