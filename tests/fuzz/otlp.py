"""Throw bodies at the reader of OTLP until one breaks it: ``make fuzz``, a minute long, or ``SECONDS=600 make fuzz``.

Found is whatever is neither an Export nor Unreadable, takes more than twenty seconds, or more than its share of memory.
"""

import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))
with atheris.instrument_imports(include=["promptforge.wire", "promptforge.core"]):
    import msgspec

    from kit import otlp as told
    from promptforge.wire import otlp
    from promptforge.wire.conventions import FAMILIES, TABLE


FOUND = Path(__file__).parents[2] / ".fuzz"
"""Where a body is left that broke it."""


def once(data: bytes) -> None:
    """Read one body: JSON when it looks like it."""
    try:
        read = otlp.read(data, json=data[:1] == b"{")
    except otlp.Unreadable:
        return
    msgspec.json.encode(read)


def seeds(folder: Path) -> None:
    """Bodies to begin with: every name of the conventions with values of every kind."""
    parts = '[{"role":"user","parts":[{"type":"tool_call","name":"n","arguments":"{}"},{"type":"text","content":"x"}]}]'
    for number, value in enumerate((parts, 7, 0.5, True, b"\1", [1, {"a": "b"}], {"role": "user", "content": "x"})):
        names = [*TABLE, *(f"{family}.0.role" for family in FAMILIES), *(f"{family}.1.content" for family in FAMILIES)]
        for first in range(0, len(names), 40):
            events = [told.event("gen_ai.choice", {"message": value}), told.event("exception", {"exception.type": "E"})]
            sent = told.span(dict.fromkeys(names[first : first + 40], value), events=events, status=2)
            (folder / f"{number}-{first}.bin").write_bytes(told.protobuf(sent))
            (folder / f"{number}-{first}.json").write_bytes(told.as_json(sent))


def main() -> None:
    """Fuzz; options of libFuzzer are taken."""
    FOUND.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        seeds(Path(folder))
        given = sys.argv[1:] or ["-max_total_time=60"]
        limits = ["-timeout=20", "-report_slow_units=20", "-rss_limit_mb=1024", "-max_len=20000"]
        atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={FOUND}/", *given, folder], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
