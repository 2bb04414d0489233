"""The page's styles."""

from __future__ import annotations

from demo.theme import css


def test_every_block_of_the_styles_is_closed_and_no_screen_s_block_holds_another() -> None:
    depth = 0
    for line in css().splitlines():
        assert not (depth and line.lstrip().startswith("@media")), line
        depth += line.count("{") - line.count("}")
        assert depth >= 0, line
    assert depth == 0
