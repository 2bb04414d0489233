"""`attune pretrain`: trains a network from scratch, on audio alone or with transcripts."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.arguments import Commands, command
from core.cli.printing import print_json
from core.errors import RecipeError, RunError
from core.pretraining.request import AUGMENTATIONS, NETWORKS, STAGES, Pretraining

if TYPE_CHECKING:
    from core.pretraining.job import PretrainingJob
    from core.training.events import Evaluated, Event

SHOWN_EVERY_SECONDS = 5.0


def add(commands: Commands) -> None:
    """Adds the command; omitted options take the defaults of `Pretraining`."""
    about = (
        "Train a network from scratch: wav2vec 2.0 from sound alone and then from transcripts, or DeepSpeech from transcripts."
    )
    parser = command(commands, "pretrain", run, about)
    parser.add_argument("--stage", choices=STAGES, help="contrastive and distil learn from sound alone, ctc from transcripts")
    parser.add_argument("--network", choices=NETWORKS, help="default wav2vec2; deepspeech has only the stage ctc")
    parser.add_argument("--data", action="append", nargs="+", metavar="D", help="folders of sound, CSVs (path,text), or sets")
    parser.add_argument("--held-out", metavar="D", help="clips to measure on (default: the validation parts of the data)")
    parser.add_argument("--from", dest="start", metavar="FOLDER", help="start from the model folder of an earlier stage")
    parser.add_argument("--out", required=True, type=Path, metavar="JOB", help="the folder to make, or to continue in")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, metavar="N", help="train for N steps")
    length.add_argument("--minutes", type=float, metavar="M", help="train for M minutes; the learning rate then reaches 0")
    parser.add_argument("--size", help="size of a new network: teaching (default), or toy, to try a command out")
    parser.add_argument("--batch-seconds", type=float, metavar="S", help="seconds of sound in a batch (default 64)")
    parser.add_argument("--rate", type=float, help="peak learning rate (default: the stage's own)")
    parser.add_argument("--augment", choices=list(AUGMENTATIONS), help="vary speed, level, noise and room (default none)")
    parser.add_argument("--evaluations", type=int, metavar="N", help="measure so often on the way (default 10)")
    parser.add_argument("--save-minutes", type=float, metavar="M", help="minutes between checkpoints (default 5)")
    parser.add_argument("--half", action="store_true", default=None, help="save the weights in float16")
    parser.add_argument("--seed", type=int, help="of everything random (default 0)")
    parser.add_argument("--resume", action="store_true", help="continue JOB; --stage and the other options may be left out")


def run(options: argparse.Namespace) -> int:
    """Runs or continues a pretraining in this process."""
    from core.cli.progress import carry_out_here, show_progress
    from core.cli.sets import users_library
    from core.pretraining.job import carry_out, create, open_job, resume

    folder, asked = options.out.resolve(), _asked(options)
    if options.resume:
        job = open_job(folder)
        _refuse_another(job, asked)
        resume(job)
    else:
        job = create(folder, _request(asked), users_library())
        for event in job.events():
            show_progress(event)
    carry_out_here(job, carry_out(job), _shown())
    result = job.result()
    assert result is not None, "carry_out ends with a result"
    if options.json:
        print_json(result)
    else:
        _print(result)
    return 0


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    """Returns the request fields given as options, with absolute paths."""
    asked = {}
    for field in dataclasses.fields(Pretraining):
        value = getattr(options, field.name, None)
        if value is not None:
            asked[field.name] = value
    if "data" in asked:
        asked["data"] = tuple(_absolute(source) for given in asked["data"] for source in given)
    for name in ("held_out", "start"):
        if asked.get(name):
            asked[name] = _absolute(asked[name])
    if "augment" in asked:
        asked["augment"] = AUGMENTATIONS[asked["augment"]]
    return asked


def _request(asked: dict[str, Any]) -> Pretraining:
    for name in ("stage", "data"):
        if name not in asked:
            raise RecipeError("pretrain_missing", f"Say --{name}: there is nothing to go on with without --resume.")
    return Pretraining(**{"network": "wav2vec2", **asked})


def _absolute(source: str) -> str:
    """Returns the absolute path of an existing file or folder; other names, such as a set's, unchanged."""
    return os.path.abspath(os.path.expanduser(source)) if os.path.exists(os.path.expanduser(source)) else source


def _refuse_another(job: PretrainingJob, asked: dict[str, Any]) -> None:
    """Checks that a resumed training keeps its original options.

    Raises:
        RunError: an option differs from the original one.
    """
    request = job.request()
    for name, value in asked.items():
        before = getattr(request, name)
        if before != value:
            raise RunError(
                "pretraining_other",
                f"The training in {job.folder} began with {name} = {before}, not {value}. "
                "Leave it out, or take another folder.",
            )


def _shown() -> Callable[[Event], None]:
    """Returns a callback that prints events to stderr, but steps only every few seconds."""
    from core.cli.progress import show_progress
    from core.training.events import Evaluated, Stepped

    shown = -SHOWN_EVERY_SECONDS

    def show(event: Event) -> None:
        nonlocal shown
        if isinstance(event, Stepped):
            if time.monotonic() - shown < SHOWN_EVERY_SECONDS:
                return
            shown = time.monotonic()
        if isinstance(event, Evaluated):
            _show_evaluation(event)
        else:
            show_progress(event)

    return show


def _show_evaluation(event: Evaluated) -> None:
    said = [] if event.loss is None else [f"loss {event.loss:.3f}"]
    said += [f"{name} {value:.3g}" for name, value in event.measures]
    if event.wer is not None:
        said = [f"WER {event.wer:.1%}", *said, f"hears: {event.watched} (said: {event.reference})"]
    print(f"after step {event.step}, on {event.clips} held-out clips: {', '.join(said)}", file=sys.stderr, flush=True)


def _print(result: dict[str, Any]) -> None:
    loss = result["loss"]
    if loss["first"] is not None:
        print(f"loss {loss['first']:.3f} -> {loss['last']:.3f} in {result['steps']} steps, {result['seconds'] / 60:.1f} min")
    print(f"heard {result['hours_heard']:.2f} h of sound, {result['sound_a_second']:.0f} s a second")
    held = result["held_out"]
    if held is not None and held["wer"] is not None:
        print(f"held out: WER {held['wer']:.1%}, CER {held['cer']:.1%}, {held['clips']} clips")
    print(f"model: {result['model']} ({result['megabytes']:.1f} MB)")
