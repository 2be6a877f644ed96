"""The command line. Every command but ``serve`` speaks through the client, so it cannot differ from the API."""


def main() -> None:
    """Run the command line."""
    import sys

    from promptforge.cli.commands import root

    for stream in (sys.stdout, sys.stderr):
        # Recorded text may hold what a terminal's encoding does not; it is shown escaped rather than refused.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    root(prog_name="promptforge")
