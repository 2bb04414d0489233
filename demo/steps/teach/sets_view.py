"""Step 3: everything about sets that are brought, looked at, changed and kept."""

from __future__ import annotations

from dataclasses import dataclass

from demo.steps.teach.bring import view as bring
from demo.steps.teach.bring.view import BringView
from demo.steps.teach.inspect import view as inspect
from demo.steps.teach.inspect.view import InspectView
from demo.steps.teach.library import view as library
from demo.steps.teach.library.view import LibraryView
from demo.steps.teach.split import view as split
from demo.steps.teach.split.view import SplitView
from demo.steps.teach.write import view as write
from demo.steps.teach.write.view import WriteView
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
