"""Attune without a browser: the page's jobs, over the same functions."""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import logging
import runpy
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core import audio, runs
from core.compare import compare
from core.dataset import Clip
from core.errors import AttuneError, DatasetError, RecipeError
from core.events import Entered, Evaluated, Failed, Noticed, Prepared, Stepped, Trained
from core.execute import MAX_CLIP_SECONDS, execute
from core.exporters import LAYOUTS, export
from core.importers import gather
from core.importers.csv import read_csv
from core.importers.formats import ARCHIVE, FORMATS, read
from core.importers.samples import CANARY, REPLAY, SAMPLES, WATCHED_CLIPS, read_sample
from core.lineup import line_up
from core.models.catalogue import CATALOGUE, Entry, fetch_model, is_here, load_model, model_family, ready_folder
from core.models.measuring import measure, real_time_factors
from core.outcome import read_both, read_outcome
from core.presets import PRESETS, preset
from core.rate_finder import find_rate
from core.recipe import Recipe
from core.report import write_report

DEFAULT_MODEL = CATALOGUE[0].id
SHOWN_DROPPED = 10  # rows that are named on stderr; --json has them all


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `attune`; returns the exit status: 0 fine, 1 the input was at fault, 130 interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.run is not _demo:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    _quiet_libraries()
    try:
        return options.run(options)
    except AttuneError as error:
        print(f"attune: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"attune: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="attune", description="Adapt a pretrained speech recogniser from a few labelled clips."
    )
    jobs = parser.add_subparsers(required=True, metavar="JOB")

    def job(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        added = jobs.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    models = job("models", _models, "List the models: which are ready, which would be fetched.")
    task = models.add_mutually_exclusive_group()
    task.add_argument("--fetch", metavar="ID", help="fetch a model; run again to resume")
    task.add_argument("--measure", nargs="*", metavar="ID", help="time models (default: all that are ready) and keep it")
    transcribe = job("transcribe", _transcribe, "Write down what is said in sound files.")
    transcribe.add_argument("files", nargs="+", metavar="FILE")
    finetune = job("finetune", _finetune, "Adapt a model and compare it with its base on held-out clips.")
    source = finetune.add_mutually_exclusive_group(required=True)
    source.add_argument("--train", metavar="T", help=f"a CSV (path,text[,speaker]) or one of: {', '.join(SAMPLES)}")
    source.add_argument(
        "--again", type=Path, metavar="RUN0", help="do what RUN0 did: its model, clips, seed, and recipe but for --set"
    )
    finetune.add_argument("--validation", metavar="V", help="clips that choose the best checkpoint (default: held out from T)")
    finetune.add_argument("--test", metavar="T2", help="clips that are scored (default: held out from T)")
    finetune.add_argument("--canary", metavar="C", help=f"English general speech that shows forgetting, a CSV or {CANARY!r}")
    finetune.add_argument("--replay", metavar="R", default=REPLAY, help="general English speech to mix in, a CSV")
    finetune.add_argument("--preset", choices=PRESETS, help="a named recipe; --set changes it further")
    finetune.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    finetune.add_argument("--seed", type=int, default=0)
    finetune.add_argument("--out", required=True, type=Path, metavar="RUN", help="the run folder to make")
    comparison = job(
        "compare",
        _compare,
        "Say what a run achieved; line runs with the same test clips up; or read sound files, or a CSV's clips, with a "
        "run's base and adapted model.",
    )
    comparison.add_argument("folder", type=Path, metavar="RUN")
    comparison.add_argument("files", nargs="*", metavar="RUN_OR_FILE")
    comparison.add_argument("--recompute", action="store_true", help="transcribe the run's clips again")
    report = job("report", _report, "Write report.html, report.md and report.json into a run's folder.")
    report.add_argument("folder", type=Path, metavar="RUN")
    rate = job("rate", _rate, "Find a learning rate: raise it step by step on a copy of the model and watch the loss.")
    rate.add_argument(
        "--train", required=True, metavar="T", help=f"a CSV (path,text[,speaker]) or one of: {', '.join(SAMPLES)}"
    )
    rate.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    rate.add_argument("--seed", type=int, default=0)
    taking = job("import", _import, "Make clips.csv and 16 kHz FLAC of anyone's recordings; say why any is left out.")
    taking.add_argument("source", metavar="SOURCE", help="a file, a folder or an archive; an id for --format huggingface")
    giving = job("export", _import, "Write a set for others to read.")
    giving.add_argument("source", metavar="SET", help="anything that can be imported, such as what import wrote")
    for added, to in ((taking, "SET"), (giving, "FOLDER")):
        added.add_argument("--to", required=True, type=Path, metavar=to, help="the folder to make")
        added.add_argument("--language", default="en", metavar="CODE", help="ISO 639-1 code of the speech (default en)")
        added.set_defaults(format="", tier="", column=[], limit=None, layout="csv")
    names = ", ".join([*(format.name for format in FORMATS), ARCHIVE])
    taking.add_argument("--format", metavar="F", help=f"one of {names} (default: found out)")
    taking.add_argument("--tier", metavar="T", help="of an ELAN or Praat annotation")
    taking.add_argument("--column", action="append", metavar="OURS=THEIRS", help="name a table's column, e.g. text=words")
    taking.add_argument("--limit", type=_count, metavar="N", help="read no more rows than this")
    giving.add_argument("--format", dest="layout", choices=list(LAYOUTS), help="default csv")
    for added in (transcribe, finetune, rate):
        added.add_argument(
            "--model", default=DEFAULT_MODEL, metavar="ID", help=f"id, hub id or folder (default {DEFAULT_MODEL})"
        )
        added.add_argument("--language", default="", metavar="CODE", help="ISO 639-1 code of the speech, e.g. en, sw, zh")
    for added in (models, transcribe, finetune, rate, comparison, report, taking, giving):
        added.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    job("demo", _demo, "Open the browser app; python -m demo --help lists its options.")
    return parser


def _models(options: argparse.Namespace) -> int:
    if options.fetch is not None:
        folder = fetch_model(options.fetch, _fetch_progress(options.fetch))
        if sys.stderr.isatty():
            print(file=sys.stderr)
        if options.json:
            _print_json({"id": options.fetch, "path": folder})
        else:
            print(folder)
        return 0
    if options.measure is not None:
        for id in options.measure or [entry.id for entry in CATALOGUE if is_here(entry.id)]:
            print(f"measuring {id}", file=sys.stderr, flush=True)
            measure(id)
    rows = [_row(entry, real_time_factors()) for entry in CATALOGUE]
    if options.json:
        _print_json({"models": rows})
    else:
        print(f"{'':55} {'family':10} {'size':>8}  {'for':5} {'licence':12} {'to learn':>8} {'speed':>6}")
        for row in rows:
            state = "ready" if row["ready"] else f"{row['origin']}: {row['download_mb']} MB to be fetched"
            factor = "-" if row["real_time_factor"] is None else f"{row['real_time_factor']:.2f}"
            print(
                f"{row['id']:55} {row['family']:10} {row['parameters'] / 1e6:6.1f} M  {row['languages']:5} {row['licence']:12} "
                f"{row['finetune_gb']:5.1f} GB {factor:>6}  {state}"
            )
        print("to learn: memory to fine-tune everything, estimated; speed: seconds of computing a second of sound (--measure)")
    return 0


def _row(entry: Entry, factors: dict[str, float]) -> dict[str, Any]:
    folder = ready_folder(entry)
    return {
        "id": entry.id,
        "family": entry.family,
        "ready": folder is not None,
        "path": folder,
        "languages": entry.languages,
        "parameters": round(entry.parameters * 1e6),
        "licence": entry.licence,
        "source": entry.source,
        "origin": "package" if entry.bundle else "release" if entry.release else "hub",
        "sha256": entry.sha256,
        "download_mb": entry.megabytes,
        "finetune_gb": round(entry.finetune_gigabytes, 1),
        "real_time_factor": factors.get(entry.id),
    }


def _fetch_progress(id: str) -> Callable[[int, int], None]:
    """Returns what shows on stderr how far a fetch is: one line that changes on a terminal, else one every tenth."""
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        share = 100 * done // max(total, 1)
        if share > shown and (sys.stderr.isatty() or share // 10 > shown // 10):
            shown = share
            line = f"fetching {id}: {done / 1e6:.0f} of {total / 1e6:.0f} MB"
            print(line, end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)

    return show


def _transcribe(options: argparse.Namespace) -> int:
    waves = [audio.decode(path) for path in options.files]
    model = load_model(options.model, language=options.language)
    rows = []
    for path, wave in zip(options.files, waves, strict=True):
        begun = time.perf_counter()
        heard = model.transcribe([wave])[0]
        seconds = time.perf_counter() - begun
        rows.append({"path": path, "text": heard.text, "seconds": seconds, "language": heard.language})
        if not options.json:
            print(heard.text if len(options.files) == 1 else f"{path}: {heard.text}")
    if options.json:
        _print_json({"clips": rows})
    return 0


def _import(options: argparse.Namespace) -> int:
    columns = {}
    for pair in options.column:
        ours, equals, theirs = pair.partition("=")
        if not equals:
            raise DatasetError("column_unknown", f"--column takes OURS=THEIRS, not {pair!r}.", name=pair, known="")
        columns[ours.strip()] = theirs.strip()
    options.to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.to.parent, prefix=f".{options.to.name}-") as work:
        imported = read(
            options.source,
            options.format,
            language=options.language,
            columns=columns,
            tier=options.tier,
            limit=options.limit,
            work=Path(work),
            progress=_row_progress("read"),
        )
        if not imported.clips:
            raise DatasetError(
                "import_nothing",
                f"None of the {len(imported.dropped)} rows of {options.source} can be used. {imported.dropped[0].message}",
            )
        exported = export(imported.clips, options.to, options.layout, options.language, _row_progress("written"))
    dropped = [*imported.dropped, *exported.dropped]
    for one in dropped[:SHOWN_DROPPED]:
        print(f"dropped: {one.message}", file=sys.stderr)
    if len(dropped) > SHOWN_DROPPED:
        print(f"and {len(dropped) - SHOWN_DROPPED} more", file=sys.stderr)
    if options.json:
        reasons = Counter(one.reason for one in dropped)
        listed = [vars(one) for one in dropped]
        counts = {"rows": len(exported.clips) + len(dropped), "clips": len(exported.clips)}
        _print_json({"format": imported.format, "path": str(options.to), **counts, "reasons": reasons, "dropped": listed})
    else:
        print(f"{len(exported.clips)} clips of {imported.format} in {options.to}, {len(dropped)} rows dropped")
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a number of rows, 1 or more")
    return int(text)


def _row_progress(verb: str) -> Callable[[int, int | None], None]:
    """Returns what shows every thousandth row on stderr."""

    def show(done: int, total: int | None) -> None:
        if done % 1000 == 0:
            print(f"{verb} {done}{f' of {total}' if total else ''}", file=sys.stderr, flush=True)

    return show


def _finetune(options: argparse.Namespace) -> int:
    request = _request(options)
    run = runs.create(options.out.resolve(), request)
    with run.lock():
        try:
            for event in execute(run):
                _show_progress(event)
        except AttuneError as error:
            run.append(Failed(error.reason, str(error), error.details))
            raise
    result = run.result()
    assert result is not None, "execute ends with a result"
    if options.json:
        _print_json(result)
    else:
        _print_figures(result)
        print(f"adapted model: {run.adapted}")
    return 0


def _settings(pairs: Sequence[str]) -> dict[str, str]:
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise RecipeError("recipe_value", f"--set takes KEY=VALUE, not {pair!r}.", name=pair, value="")
        settings[key.strip()] = value.strip()
    return settings


def _rate(options: argparse.Namespace) -> int:
    labelled = gather(options.train, None, None, options.language or "en", options.seed)
    sounds = [(audio.decode(clip.path, MAX_CLIP_SECONDS), clip.text) for clip in labelled.part("train")]
    model = load_model(options.model, language=labelled.language)
    recipe = Recipe.default(model.family, len(sounds)).changed(_settings(options.set))
    curve = find_rate(model, sounds, recipe, seed=options.seed)
    if options.json:
        _print_json(dataclasses.asdict(curve))
    else:
        for rate, loss in zip(curve.rates, curve.smoothed, strict=True):
            print(f"{rate:.1e}  {loss:.3f}")
        found = f"begin with a peak rate of {curve.suggestion or 0:.1e}: a tenth of that at the lowest loss"
        print("the loss never fell" if curve.suggestion is None else found)
    return 0


def _general(source: str) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Returns general speech to mix in, and the last few clips of it to watch instead."""
    clips = read_sample(source).clips if source == REPLAY else tuple(read_csv(source, "en"))
    return clips[:-WATCHED_CLIPS], clips[-WATCHED_CLIPS:]


def _request(options: argparse.Namespace) -> runs.Request:
    settings = _settings(options.set)
    if options.again is not None:
        before = runs.open_run(options.again.resolve()).request()
        return dataclasses.replace(before, recipe=before.recipe.changed(settings))
    classify = settings.get("task") == "classify"
    labelled = gather(options.train, options.validation, options.test, options.language or "en", options.seed, classify)
    family = "classifier" if classify else model_family(options.model)
    clips = len(labelled.part("train"))
    usual = preset(options.preset, family, clips) if options.preset else Recipe.default(family, clips)
    recipe = usual.changed(settings)
    general, watch = _general(options.replay)
    return runs.Request(
        model=options.model,
        labelled_set=labelled,
        canary=tuple(_canary(options.canary)),
        own=(),
        recipe=recipe,
        seed=options.seed,
        general=general if recipe.replay else (),
        watch=watch if options.canary else (),
    )


def _print_figures(result: dict[str, Any]) -> None:
    for group in ("test", "canary"):
        if result.get(group):
            base, adapted, change = (result[group][name] for name in ("base", "adapted", "difference"))
            clips = result[group]["clips"]
            print(
                f"{group}: WER {base['wer']:.1%} -> {adapted['wer']:.1%} ({result[group]['verdict']}: "
                f"{change['low']:+.1%} to {change['high']:+.1%}), CER {base['cer']:.1%} -> {adapted['cer']:.1%}, "
                f"{clips if isinstance(clips, int) else len(clips)} clips"
            )


def _canary(source: str | None) -> list[Clip]:
    if source is None:
        return []
    return list(read_sample(source).clips) if source == CANARY else read_csv(source, "en")


def _compare(options: argparse.Namespace) -> int:
    others = [Path(name) for name in options.files if (Path(name) / "request.json").is_file()]
    if others and len(others) < len(options.files):
        raise AttuneError("mixed_files", "Give runs or sound files, not both at once.")
    run = runs.open_run(options.folder.resolve())
    if others:
        return _line_up([run, *(runs.open_run(folder.resolve()) for folder in others)], options)
    return _read_files(run, options) if options.files else _outcome(run, options)


def _outcome(run: runs.Run, options: argparse.Namespace) -> int:
    result = read_outcome(run, options.recompute).to_json()
    if options.json:
        _print_json(result)
        return 0
    _print_figures(result)
    needed = result["test"]["clips_needed"] if result["test"] else 0
    if needed:
        print(f"about {needed} more test {result['test']['difference']['unit']} would bring a verdict within reach")
    source = "the clips, transcribed again" if options.recompute else "the stored transcripts"
    differs = ", ".join(result["differs"])
    print(f"worked out from {source}: {f'differs from result.json in {differs}' if differs else 'equals result.json'}")
    return 0


def _line_up(compared: Sequence[runs.Run], options: argparse.Namespace) -> int:
    result = line_up([read_outcome(run, options.recompute) for run in compared])
    if options.json:
        _print_json(result.to_json())
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


def _report(options: argparse.Namespace) -> int:
    files = write_report(read_outcome(runs.open_run(options.folder.resolve())))
    if options.json:
        _print_json({"files": [str(path) for path in files]})
    else:
        print("\n".join(str(path) for path in files))
    return 0


def _read_files(run: runs.Run, options: argparse.Namespace) -> int:
    language = run.request().labelled_set.language
    listed = [path.endswith(".csv") for path in options.files]
    if any(listed) and not all(listed):
        raise AttuneError("mixed_files", "Give sound files or CSV files, not both at once.")
    clips = [clip for path in options.files for clip in read_csv(path, language)] if all(listed) else []
    paths = [clip.path for clip in clips] or options.files
    waves = [audio.decode(path, MAX_CLIP_SECONDS if clips else audio.MAX_SECONDS) for path in paths]
    texts, seconds = read_both(run, waves, language)
    rows = [
        {"path": path, "base": base, "adapted": adapted}
        for path, base, adapted in zip(paths, texts["base"], texts["adapted"], strict=True)
    ]
    result: dict[str, Any] = {"run": str(run.folder), "model": run.request().model, "seconds": seconds, "clips": rows}
    if clips:
        comparison = compare(clips, texts["base"], texts["adapted"], language)
        result["test"] = comparison.to_json(with_clips=False)
    if options.json:
        _print_json(result)
    else:
        for row in rows:
            print(f"{row['path']}\n  base:    {row['base']}\n  adapted: {row['adapted']}")
        if clips:
            print(f"WER {comparison.base.wer.rate:.1%} -> {comparison.adapted.wer.rate:.1%} ({comparison.verdict})")
    return 0


def _demo(options: argparse.Namespace) -> int:
    sys.argv = ["attune demo", *options.rest]
    runpy.run_module("demo", run_name="__main__", alter_sys=True)
    return 0


def _show_progress(event: object) -> None:
    match event:
        case Entered(phase, clips):
            line = f"{phase}{f': {clips} clips' if clips else ''}"
        case Noticed(_, message, _):
            line = f"note: {message}"
        case Prepared(clips, minutes, steps, trained, total, _, _, padding):
            line = (
                f"{clips} clips, {minutes:.1f} min, {steps} steps; {trained / 1e6:.1f} of {total / 1e6:.1f} M learn; "
                f"{padding:.0%} of the batches are padding"
            )
        case Stepped(step, loss, _, _, remaining):
            line = f"step {step}: loss {loss:.3f}, about {remaining:.0f} s to go"
        case Evaluated(step, wer, _, count, watched):
            line = f"after step {step}: WER {wer:.1%} on {count} validation clips; hears: {watched}" if wer is not None else ""
        case Trained(steps, best, _, _, seconds, _):
            line = f"trained {steps} steps in {seconds:.0f} s; kept step {best}"
        case _:
            return
    if line:
        print(line, file=sys.stderr, flush=True)


def _quiet_libraries() -> None:
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)
