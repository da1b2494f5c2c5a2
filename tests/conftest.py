"""Property tests judge answers, never how long a machine took for them: figures belong in bench/."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# On top of Hypothesis' own profile, which in CI draws the same examples every time.
settings.register_profile(
    "untimed", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")
