"""Step 3: everything about sets that are brought, looked at, changed and kept."""

from __future__ import annotations

from dataclasses import dataclass

from demo.views import bring, inspect, library, split, write
from demo.views.bring import BringView
from demo.views.inspect import InspectView
from demo.views.library import LibraryView
from demo.views.split import SplitView
from demo.views.write import WriteView
from demo.wording import Wording


@dataclass(frozen=True)
class SetsView:
    """The parts of step 3 that are about a whole set."""

    bring: BringView
    inspect: InspectView
    split: SplitView
    write: WriteView
    library: LibraryView


def build(w: Wording, languages: tuple[str, ...]) -> SetsView:
    """Lays the parts out, one under the other."""
    return SetsView(bring.build(w, languages), inspect.build(w), split.build(w), write.build(w), library.build(w))
