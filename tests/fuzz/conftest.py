from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long run takes many minutes, so it is for ``pytest tests/fuzz -m slow`` only."""
    if "slow" in config.getoption("markexpr"):
        return
    for item in items:
        if item.path.parent == Path(__file__).parent and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="the long run: pytest tests/fuzz -m slow"))
