"""Run the calls of a program one after another: ``python PROGRAM CASE,CASE,… [INSTRUMENTATION…]``.

One line of JSON comes out for each: what the program got, or the class and the text of the exception that it saw.
"""

import asyncio
import inspect
import json
import sys


def run(cases: dict, client) -> None:
    """Run what the command line names."""
    named, instrumentations = sys.argv[1].split(","), sys.argv[2:]
    tracing = None
    if instrumentations:
        from tracing import instrument

        tracing = instrument(instrumentations)
    for name in named:
        try:
            got = cases[name](client)
            line = {"output": asyncio.run(got) if inspect.iscoroutine(got) else got}
        except Exception as problem:  # whatever the SDK raises is what the test asks for
            line = {"error": type(problem).__name__, "message": str(problem)}
        print(json.dumps({"case": name, **line}), flush=True)
    if tracing is not None:
        tracing.shutdown()
