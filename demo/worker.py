"""The process of one run: `python -m demo.worker RUN`. One at a time trains; the others wait their turn, first come first."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import AttuneError
from core.events import Failed
from core.files import home
from core.runs import Run, open_run
from demo.turns import Turns

TURN_SECONDS = 0.5  # between two looks at whether it is this run's turn


def main(folder: Path) -> int:
    """Carries out the run in `folder`; returns 0 if it is whole."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    run = open_run(folder)
    with run.lock():
        turn = _wait_for_turn(run)
        if turn is None:
            run.append(Failed("stopped_early", "Stopped before it began.", {}))
            return 1
        with turn:
            return _carry_out(run)


def _wait_for_turn(run: Run) -> FileLock | None:
    turn, turns = FileLock(home() / "worker.lock"), Turns(home() / "turns")
    while not run.should_stop():
        if turns.is_next(run):
            try:
                turn.acquire(timeout=0)
            except Timeout:
                pass
            else:
                return turn
        time.sleep(TURN_SECONDS)
    return None


def _carry_out(run: Run) -> int:
    from core.execute import execute  # only now: a queue of waiting runs must not hold torch in memory each

    try:
        for _ in execute(run):
            pass
    except AttuneError as error:
        logging.warning("%s", error)
        run.append(Failed(error.reason, str(error), error.details))
        return 1
    except Exception as error:
        logging.exception("the run failed")
        reason = "disk" if isinstance(error, OSError) else "unexpected"
        run.append(Failed(reason, f"{type(error).__name__}: {error}", {}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
