"""The bars, each held by the best of its runs: the one that the machine's other work disturbed least."""

from __future__ import annotations

import pytest

from tests.bench.__main__ import row
from tests.bench.figures import everything
from tests.netns.ring import reason


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_every_bar_is_kept() -> None:
    figures = list(everything())
    assert [row(each) for each in figures if each.bar is not None and each.best > each.bar] == []
    if why := reason():
        pytest.skip(f"the bars of the lab were left out: {why}")
