"""What the jump host saw of one server, as an observation on its own tape."""

from __future__ import annotations

from cutover_tui.engine.messages import Seen
from probes.observation import JUMP, Failure, Identity, Instant, Observation, Raw
from probes.reader import Reader


def seen_from_here(reader: Reader, server: str, raw: Raw, began: Instant, ended: Instant) -> Observation:
    """One exchange with a server, parsed. A server is no guest: nothing is said of which machine answered."""
    outcome = reader.parse((raw,))
    return Observation(
        id=f"{JUMP}/{reader.name}:{server}/{ended.boottime_ns}",
        reader=reader.name,
        version=reader.version,
        host=JUMP,
        identity=Identity(boot_id=ended.boot_id),
        vantage="jump",
        began=began,
        ended=ended,
        attempt=1,
        raw=(raw,),
        facts=None if isinstance(outcome, Failure) else outcome,
        failure=outcome if isinstance(outcome, Failure) else None,
    )


def not_seen_from_here(
    reader: Reader, server: str, argv: tuple[str, ...], failure: Failure, now: Instant
) -> Seen:
    """That nothing is to be had of it now: what was seen before must not go on to count."""
    return Seen(seen_from_here(reader, server, Raw(argv, None, "", failure=failure), now, now))
