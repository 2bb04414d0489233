"""Where the report is to be had."""

from __future__ import annotations

from collections.abc import Sequence

from demo.show.presenters import escape, fine
from demo.wording import Wording


def report_links(address: str, kinds: Sequence[str], w: Wording) -> str:
    """Links to a report.

    Args:
        address: of its files, without their ending.
        kinds: of files.
        w: the page's wording.
    """
    links = " ".join(
        f'<a class="{"download" if kind == "html" else "also"}" href="{address}.{kind}" download>'
        f"{escape(w(f'report.{kind}'))}</a>"
        for kind in kinds
    )
    return f"<h3>{escape(w('report.title'))}</h3>{fine(w('report.about'))}<p>{links}</p>"
