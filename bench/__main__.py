"""Run the benchmarks named on the command line, or all: every module here with a `main() -> None`."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

import bench


def run(names: list[str]) -> int:
    here = [str(Path(bench.__file__).parent)]
    modules = sorted(module.name for module in pkgutil.iter_modules(here) if module.name != "__main__")
    mains = {
        name: main
        for name in modules
        if (main := getattr(importlib.import_module(f"bench.{name}"), "main", None)) is not None
    }
    unknown = [name for name in names if name not in mains]
    if unknown:
        print(f"unknown benchmark {', '.join(unknown)}; there are: {', '.join(mains)}", file=sys.stderr)
        return 2
    for name in names or mains:
        print(f"== {name}", flush=True)
        mains[name]()
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
