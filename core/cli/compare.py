"""`attune compare`: the results of runs."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.arguments import Commands, add_words, command, words_of
from core.cli.printing import print_json, print_result, print_terms
from core.cli.sounds import Sounds
from core.errors import AttuneError

if TYPE_CHECKING:
    from core.runs.run_folder import Run


def add(commands: Commands) -> None:
    """Adds the command."""
    about = (
        "Show what a run achieved; line up runs with the same test clips; or transcribe sound files, or the clips of a CSV, "
        "with a run's base and adapted model."
    )
    parser = command(commands, "compare", run, about)
    parser.add_argument("folder", type=Path, metavar="RUN")
    parser.add_argument("files", nargs="*", metavar="RUN_OR_FILE")
    add_words(parser)
    parser.add_argument("--recompute", action="store_true", help="transcribe the run's clips again")


def run(options: argparse.Namespace) -> int:
    """Prints a run's results, compares runs side by side, or transcribes files with a run's base and adapted model."""
    from core.runs import run_folder

    others = [Path(name) for name in options.files if (Path(name) / "request.json").is_file()]
    if others and len(others) < len(options.files):
        raise AttuneError("mixed_files", "Give runs or sound files, not both at once.")
    opened = run_folder.open_run(options.folder.resolve())
    if others:
        return _line_up([opened, *(run_folder.open_run(folder.resolve()) for folder in others)], options)
    return _transcribe(opened, options) if options.files else _outcome(opened, options)


def _outcome(run: Run, options: argparse.Namespace) -> int:
    from core.runs.outcome import read_outcome

    outcome = read_outcome(run, options.recompute, check=True)
    if options.words and (test := outcome.comparisons.get("test")):
        outcome.comparisons["test"] = dataclasses.replace(test, terms=words_of(options, test.language))
    if options.json:
        print_json(outcome.to_json())
        return 0
    print_result(outcome.result, outcome.comparisons)
    source = "the clips, transcribed again" if options.recompute else "the stored transcripts"
    differs = ", ".join(outcome.differs)
    print(f"worked out from {source}: {f'differs from result.json in {differs}' if differs else 'equals result.json'}")
    return 0


def _line_up(compared: Sequence[Run], options: argparse.Namespace) -> int:
    from core.runs.lineup import line_up
    from core.runs.outcome import read_outcome

    result = line_up([read_outcome(run, options.recompute) for run in compared])
    if options.json:
        print_json(result.to_json())
        return 0
    print(f"{result.test_clips} test clips, {result.words} words")
    for entry in result.entries:
        settings = "".join(f", {name} {value}" for name, value in entry.recipe.items())
        change = entry.against_first
        against = f", against the first {change.low:+.1%} to {change.high:+.1%} ({entry.verdict})" if change else ""
        print(
            f"{entry.run}: WER {entry.base:.1%} -> {entry.adapted:.1%}{against}; {entry.model}, {entry.clips} clips, "
            f"seed {entry.seed}{settings}"
        )
    return 0


def _transcribe(run: Run, options: argparse.Namespace) -> int:
    from core.audio import sound_files
    from core.data.clips.labelled_set import with_words
    from core.data.importers.tables.csv import read_csv
    from core.evaluation.compare import compare
    from core.runs.outcome import transcribe_both

    language = run.request().labelled_set.language
    listed = [path.endswith(".csv") for path in options.files]
    if any(listed) and not all(listed):
        raise AttuneError("mixed_files", "Give sound files or CSV files, not both at once.")
    clips = [clip for path in options.files for clip in read_csv(path, language)] if all(listed) else []
    clips, dropped = with_words(clips, language)
    for one in dropped:
        print(f"dropped: {one.message}", file=sys.stderr)
    if dropped and not clips:
        raise AttuneError("set_no_clips", f"No clip can be used. {dropped[0].message}")
    paths = [clip.path for clip in clips] or options.files
    sounds = Sounds(paths, sound_files.MAX_CLIP_SECONDS if clips else None)
    decoded = dict(sounds.decoded())
    if not decoded:
        return sounds.status
    paths, waves = [paths[place] for place in decoded], list(decoded.values())
    clips = [clips[place] for place in decoded] if clips else []
    texts, seconds = transcribe_both(run, waves, language)
    rows = [
        {"path": path, "base": base, "adapted": adapted}
        for path, base, adapted in zip(paths, texts["base"], texts["adapted"], strict=True)
    ]
    result: dict[str, Any] = {"run": str(run.folder), "model": run.request().model, "seconds": seconds, "clips": rows}
    result["failed"] = sounds.failed
    if clips:
        comparison = compare(clips, texts["base"], texts["adapted"], language, words_of(options, language))
        result["test"] = dataclasses.asdict(comparison.figures)
    if options.json:
        print_json(result)
    else:
        for row in rows:
            print(f"{row['path']}\n  base:    {row['base']}\n  adapted: {row['adapted']}")
        if clips:
            print(f"WER {comparison.base.wer.rate:.1%} -> {comparison.adapted.wer.rate:.1%} ({comparison.verdict})")
            print_terms(comparison.figures.terms)
    return sounds.status
