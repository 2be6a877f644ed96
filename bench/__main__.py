"""The benches: ``python -m bench NAME [options]``; without a name they are listed. Results: docs/performance.md."""

import importlib
import pkgutil
import sys
from pathlib import Path


def main() -> None:
    """Run the bench of that name, or say which there are."""
    names = sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]) if not m.name.startswith("_"))
    if len(sys.argv) > 1 and sys.argv[1] in names:
        importlib.import_module(f"bench.{sys.argv[1]}").main(sys.argv[2:])
        return
    for name in names:
        first = (importlib.import_module(f"bench.{name}").__doc__ or "").splitlines()[0]
        print(f"python -m bench {name:10} {first}")


if __name__ == "__main__":
    main()
