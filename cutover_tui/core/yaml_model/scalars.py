"""What a YAML scalar means, judged by what the model expects at its place.

YAML 1.1 sees numbers, booleans and dates in unquoted text, YAML 1.2 in less of it. Where a
text is expected and some YAML reader would see something else, the file has to quote it:
editors, linters and this program then agree on what it says.
"""

from __future__ import annotations

import re

from cutover_tui.core.yaml_model.part import Value
from cutover_tui.core.yaml_model.yaml_marks import Scalar

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_OLD_BOOL = re.compile(r"(?:yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|0x[0-9A-Fa-f_]+|0o[0-7]+|0b[01_]+|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
_MAX_DIGITS = 18


def kind(node: Scalar) -> str:
    """What YAML sees: `text`, `a number`, `a boolean` or `empty`."""
    if not node.plain:
        return "text"
    if node.text in _NULL:
        return "empty"
    if node.text in _TRUE or node.text in _FALSE or _OLD_BOOL.fullmatch(node.text):
        return "a boolean"
    return "a number" if _NUMBER.fullmatch(node.text) else "text"


def boolean(node: Scalar) -> bool | None:
    """True or False; None for anything else, `yes` and `off` included."""
    if not node.plain:
        return None
    return True if node.text in _TRUE else False if node.text in _FALSE else None


def integer(node: Scalar) -> int | None:
    """A decimal integer of at most 18 digits; None for anything else (octal, hex, 1_000, quoted)."""
    if node.plain and len(node.text) <= _MAX_DIGITS and _INTEGER.fullmatch(node.text):
        return int(node.text)
    return None


def free(node: Scalar) -> Value:
    """The value where the model takes any: what cannot be one of the others stays text."""
    if node.plain:
        if node.text in _NULL:
            return None
        for value in (boolean(node), integer(node)):
            if value is not None:
                return value
    return node.text
