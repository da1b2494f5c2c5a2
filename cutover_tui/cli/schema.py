"""`cutover schema`."""

from __future__ import annotations

import argparse
import json

from cutover_tui.core.schema import schema


def run(_arguments: argparse.Namespace) -> int:
    """Print the JSON Schema of runbooks."""
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
