"""Draw the pictures of the documentation: `python docs/make_pictures.py [DIRECTORY]`.

The screens are the real ones; what they show comes from the scripted session of the tests, so the pictures are
the same on every machine.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from screens.app import CutoverApp  # noqa: E402 - the checkout, not an installed version
from tests.tui.identity_scenes import port as with_domain  # noqa: E402
from tests.tui.scripted_port import ScriptedPort  # noqa: E402

PICTURES = {
    "overview": ("overview", (), (100, 26)),
    "step-refused": ("step", (), (100, 30)),
    "refusal": ("step", ("d",), (100, 30)),
    "clock": ("clock", (), (100, 30)),
    "identity": ("identity", (), (100, 30)),
    "step-wide": ("step", (), (200, 50)),
}


async def draw(mode: str, keys: tuple[str, ...], size: tuple[int, int]) -> str:
    """One screen as SVG, after some keys."""
    port = with_domain("skewed") if mode == "identity" else ScriptedPort()
    app = CutoverApp(port, zone=UTC)
    async with app.run_test(size=size) as pilot:
        app.context.place.step, app.context.place.host = "3.2", "app01"
        app.action_go(mode)
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
        await pilot.pause()
        await pilot.pause()
        return app.export_screenshot(title="cutover", simplify=True)


def main(directory: Path) -> None:
    """Write every picture to `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, (mode, keys, size) in PICTURES.items():
        (directory / f"{name}.svg").write_text(asyncio.run(draw(mode, keys, size)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
