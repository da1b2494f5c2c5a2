"""The policies in the SYSVOL of a Samba domain controller, by the versions in their GPT.INI.

As root: the folder is for nobody else. The place is the one Samba is built with; where
smb.conf names another there is nothing here, and the check says so.
"""

from __future__ import annotations

import re

from probes.facts_controller import Policy, SysvolFacts
from probes.linux.text import Unparsed, quoted, unusable, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

PLACE = "/var/lib/samba/sysvol"
_POLICY = re.compile(
    rf"{PLACE}/([A-Za-z0-9._-]+)/Policies/(\{{[0-9A-F-]{{36}}\}})/GPT\.INI:(.*)\Z", re.ASCII | re.IGNORECASE
)
_VERSION = re.compile(r"version=(\d{1,10})\Z", re.ASCII | re.IGNORECASE)
_NOTHING_FOUND = 1


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from grep, which ends with 2 when there was anything it could not read."""
    (raw,) = raws
    failure = unusable(raw)
    if failure is not None:
        return failure
    if "No such file or directory" in raw.err and not raw.out:
        return Failure(FailureKind.TOOL_ABSENT, f"there is no {PLACE}")
    if "Permission denied" in raw.err:
        return Failure(FailureKind.DENIED, f"{PLACE} may be read by root only")
    try:
        if raw.rc not in (0, _NOTHING_FOUND):
            raise Unparsed(f"grep ended with {raw.rc}: {quoted(raw.err)}")
        found = [p for line in whole_lines(raw.out) if (p := _policy(line.rstrip("\r"))) is not None]
        policies = tuple(sorted((p for _, p in found), key=lambda p: p.guid))
        if len({p.guid for p in policies}) != len(policies):
            raise Unparsed("a policy has two versions")
    except Unparsed as problem:
        return problem.failure()
    return SysvolFacts(tuple(sorted({domain for domain, _ in found})), policies)


def _policy(line: str) -> tuple[str, Policy] | None:
    """The domain and the policy; None for a copy that somebody keeps elsewhere below SYSVOL."""
    match = _POLICY.match(line)
    if match is None:
        if not line.startswith(f"{PLACE}/"):
            raise Unparsed(f"no file below {PLACE}: {quoted(line)}")
        return None
    domain, guid, rest = match.groups()
    version = _VERSION.match(rest)
    if version is None:
        raise Unparsed(f"not a policy's version: {quoted(line)}")
    return domain.lower(), Policy(guid.upper(), int(version.group(1)))


_GREP = (
    "env",
    "LC_ALL=C",
    "grep",
    "-rHi",
    "--include=[Gg][Pp][Tt].[Ii][Nn][Ii]",
    "^version=",
    PLACE,
)

READER = Reader(
    name="sysvol",
    version=1,
    family=Family.DIRECTORY,
    commands=(Command(_GREP, elevate=True),),
    parse=parse,
    interval_s=300.0,
)
