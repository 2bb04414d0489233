"""The benchmark's figures as Markdown: for each machine and data the trainings, the readings, and what thinning costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from core.text.metrics import Interval, paired_interval
from tests.bench.adapting import CTC
from tests.bench.arms import ARMS
from tests.bench.sweep import points
from tests.bench.transcribing import OURS, PIPELINE

PLAIN, PLAIN_BF16 = "plain", "plain-bf16"
RUNAWAY = 100  # wrong words in a clip: it never came to an end
Row = dict[str, Any]
Errors = Sequence[Sequence[Any]]  # of each clip: its cluster, word errors, reference words

BEGIN = "<!-- What follows is written by make bench. -->\n"  # what is above it in bench.md is written by hand, and kept
INTRODUCTION = """## Benchmark

```sh
make bench DATA=FOLDER BUDGET=240 REPORT=assets/docs   # FOLDER holds the sets l2_english, librispeech_mini, telephony_english
```

measures the most important comparisons first and skips what it has already measured. Without DATA it uses the sample sets,
which are synthetic. Every row is a process of its own, on the same clips, on a machine with nothing else to do.

- **plain** is the usual recipe: transformers' `Seq2SeqTrainer` trains everything, with 30 s windows, batches of 8, AdamW at
  1e-5, warm-up, four epochs, and the validation clips transcribed after each, as in Hugging Face's "Fine-Tune Whisper".
  **frozen** is the same without the encoder, **lora** uses PEFT at rank 32 and 1e-3. Gradient checkpointing, optimiser
  checkpoints and logs are left out in their favour. All are in float32, and again in bfloat16 autocast.
- The other arms are Attune's presets, as the page runs them: the precision that the CPU is fast in, general speech replayed,
  validation and watched clips transcribed at each evaluation. They choose their own number of epochs.
- *Training* is the optimiser's steps alone; *to plain's WER* those until an evaluation on the validation clips, which are few,
  finds as few errors as the best of plain's; *in all* adds making features, evaluations and checkpoints. *Times real time* is
  seconds of training audio times epochs per second of training; replayed audio does not count, though its time does. *Cores* is
  CPU time per second: well under the number of threads, something else was running.
- No speaker is in both training and test. The same code saves every model, loads it again and transcribes with it, with
  Whisper's guard against repetition; *transcribed plainly* is transformers' own `generate`, which uses nothing of Attune.
- A change is in points of WER with its 95 % interval, both models on the same clips, whole speakers resampled (sentences where
  there are few speakers).
"""


def renewed(page: str, rows: Sequence[Row]) -> str:
    """Returns bench.md with new figures below what somebody wrote at its beginning."""
    by_hand, mark, _ = page.partition(BEGIN)
    return (by_hand if mark else "") + document(rows)


def document(rows: Sequence[Row]) -> str:
    """Returns the part of bench.md that is written by program."""
    pieces = [BEGIN, INTRODUCTION]
    for here, own in groups(rows):
        pieces.append(f"### {here}\n")
        for model in dict.fromkeys(row["job"]["model"] for row in own if row["job"]["kind"] == "train"):
            trained = [row for row in own if (row["job"]["kind"], row["job"]["model"]) == ("train", model)]
            pieces += [f"#### Fine-tuning {model}\n", _times(trained), _few_clips(trained), _a_visit(trained)]
            base = next((row for row in own if row["job"]["kind"] == "base"), None) if model != CTC else None
            if model != CTC:
                pieces += [_errors(trained, base), _runaways(trained)]
            forecast = [row for row in own if (row["job"]["kind"], row["job"]["model"]) == ("forecast", model)]
            pieces.append(_forecasts(trained, base, forecast))
        pieces += [_readings(own), _thinning(own)]
    return "\n".join(piece for piece in pieces if piece)


def groups(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Returns the rows of each machine and data, and what they are called."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        m, job = row["machine"], row["job"]
        name = f"{m['processor']}, {m['cores']} cores, {m['threads']} threads, torch {m['torch']}"
        name += f", transformers {m['transformers']}; {', '.join(m['flags']) or 'no quick bfloat16'}; {job['data']}"
        found.setdefault(name + (" (a trial: no figures)" if job["quick"] else ""), []).append(row)
    return list(found.items())


def by_arm(trained: Iterable[Row]) -> dict[tuple[int, str], list[Row]]:
    """Returns the repeats of each number of clips and arm: the fewest clips first, of them the usual recipes first."""
    found: dict[tuple[int, str], list[Row]] = {}
    for row in sorted(trained, key=lambda row: (row["job"]["clips"], (*ARMS, row["job"]["arm"]).index(row["job"]["arm"]))):
        found.setdefault((row["job"]["clips"], row["job"]["arm"]), []).append(row)
    return found


def in_all(row: Row) -> float:
    """Returns the seconds of a training with all that belongs to it."""
    return row["prepare"] + row["train"] + row["evaluate"] + row["save"]


def change(before: Sequence[Row], after: Sequence[Row], field: str, other: str = "") -> Interval | None:
    """Returns how the WER of a part differs between two arms; None where they have no repeat in common.

    Args:
        before, after: their repeats.
        field: where `after` keeps its errors.
        other: where `before` does, if elsewhere.
    """
    earlier = {row["job"]["repeat"]: row[other or field] for row in before}
    both = [(earlier[row["job"]["repeat"]], row[field]) for row in after if row["job"]["repeat"] in earlier]
    return (
        difference([clip for pair in both for clip in pair[0]], [clip for pair in both for clip in pair[1]]) if both else None
    )


def difference(before: Errors, after: Errors) -> Interval:
    """Returns the difference of two readings of the same clips; a speaker that several repeats read is one cluster."""
    return paired_interval([c[1] for c in before], [c[1] for c in after], [c[2] for c in after], [c[0] for c in after])


def rate(several: Iterable[Errors]) -> float:
    """Returns the WER of some readings together."""
    clips = [clip for errors in several for clip in errors]
    return sum(clip[1] for clip in clips) / sum(clip[2] for clip in clips)


def middle(rows: Sequence[Row], figure: Callable[[Row], float]) -> float:
    """Returns the median over repeats."""
    return median(figure(row) for row in rows)


def markdown(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table, or nothing where it would be empty."""
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([f"| {' | '.join(titles)} |", "|" + "---|" * len(titles), *lines, ""]) if lines else ""


def _times(trained: Sequence[Row]) -> str:
    arms = by_arm(trained)
    rows = []
    for (clips, arm), own in arms.items():
        beside = []
        for reference in (PLAIN, PLAIN_BF16):
            theirs = arms.get((clips, reference))
            for figure in (lambda row: row["train"], in_all):
                beside.append(f"{middle(theirs, figure) / middle(own, figure):.1f}" if theirs else "")
        peaks = {arm: middle(several, lambda row: row["peak"]) for (c, arm), several in arms.items() if c == clips}
        train = middle(own, lambda row: row["train"])
        rows.append(
            (
                str(clips),
                f"**{arm}**" if arm not in ARMS else arm,
                str(own[0]["epochs"]),
                f"{train:.1f}",
                time_to_quality(own, arms.get((clips, PLAIN), ())),
                f"{middle(own, in_all):.1f}",
                f"{own[0]['audio_seconds'] * own[0]['epochs'] / train:.1f}",
                f"{middle(own, lambda row: row['cores']):.1f}",
                f"{peaks[arm] / 1e9:.2f}",
                *beside,
                *(f"{peaks[arm] / peaks[other]:.0%}" if other in peaks else "" for other in (PLAIN, PLAIN_BF16)),
            )
        )
    titles = (
        "clips", "arm", "epochs", "training, s", "to plain's WER, s", "in all, s", "times real time", "cores", "peak, GB",
        "times as fast as plain: training", "in all", "as plain-bf16: training", "in all", "memory of plain", "of plain-bf16",
    )  # fmt: skip
    return markdown(titles, rows)


def time_to_quality(rows: Sequence[Row], plain: Sequence[Row]) -> str:
    """Returns the median seconds of training until the best validation WER of the usual recipe is reached.

    Args:
        rows: the repeats of an arm.
        plain: those of the usual recipe; a repeat is held against its own.

    Returns:
        "-" if a repeat never reaches it; "" if there is nothing to hold against.
    """
    best = {row["job"]["repeat"]: min(wer for _, wer in row["reached"]) for row in plain if row.get("reached")}
    both = [row for row in rows if row["job"]["repeat"] in best and row.get("reached")]
    times = [min((s for s, wer in row["reached"] if wer <= best[row["job"]["repeat"]]), default=None) for row in both]
    if not times:
        return ""
    return "-" if None in times else f"{median(time for time in times if time is not None):.1f}"


def _few_clips(trained: Sequence[Row]) -> str:
    short = {row["job"]["clips"]: row["different"] for row in trained if row["different"] < row["job"]["clips"]}
    said = [f"of the {clips} clips {different} are different, the rest are repeats" for clips, different in short.items()]
    return f"The sets hold no more training clips: {'; '.join(said)}. Those rows measure time and memory.\n" if said else ""


def _a_visit(trained: Sequence[Row]) -> str:
    arms = by_arm(trained)
    sizes = sorted({clips for clips, _ in arms})
    if len(sizes) < 2:
        return ""
    rows = []
    for arm in dict.fromkeys(arm for _, arm in arms):
        visit = {c: middle(own, lambda row: 1000 * row["train"] / row["visits"]) for (c, a), own in arms.items() if a == arm}
        if len(visit) > 1:
            cells = [f"{visit[c]:.0f}" if c in visit else "" for c in sizes]
            rows.append((arm, *cells, f"{visit[max(visit)] / visit[min(visit)]:.2f}"))
    said = (
        "Milliseconds of training per clip and epoch, replayed clips included; growth is the figure with most clips over that "
        "with fewest:\n"
    )
    found = markdown(("arm", *(f"{clips} clips" for clips in sizes), "growth"), rows)
    return f"{said}\n{found}" if found else ""


def _errors(trained: Sequence[Row], base: Row | None) -> str:
    rows = []
    if base is not None:
        cells = [f"{rate([base[field]]):.1%}" for field in ("test", "canary", "plain_test", "plain_canary")]
        rows.append(("", "base", "", cells[0], "", "", cells[1], "", "", cells[2], "", cells[3]))
    arms = by_arm(trained)
    for (clips, arm), own in arms.items():
        cells = [str(clips), f"**{arm}**" if arm not in ARMS else arm, str(len(own))]
        for part in ("test", "canary"):
            cells.append(f"{rate(row[part] for row in own):.1%}")
            cells.append(_shown(change([_as_repeat(base, row) for row in own], own, part)) if base else "")
            plain = arms.get((clips, PLAIN))
            cells.append(_shown(change(plain, own, part)) if plain and arm != PLAIN else "")
        cells.append(f"{rate(row['plain_test'] for row in own):.1%}")
        cells.append(_shown(change(own, own, "plain_test", "test")))
        cells.append(f"{rate(row['plain_canary'] for row in own):.1%}")
        rows.append(cells)
    titles = (
        "clips", "arm", "repeats", "target WER", "from base", "from plain", "canary WER", "from base", "from plain",
        "target transcribed plainly", "from target WER", "canary transcribed plainly",
    )  # fmt: skip
    return markdown(titles, rows)


def _runaways(trained: Sequence[Row]) -> str:
    said = []
    for (clips, arm), own in by_arm(trained).items():
        read = [clip for row in own for clip in row["plain_test"]]
        ended = [clip for clip in read if clip[1] <= RUNAWAY]
        if len(ended) < len(read):
            away = f"{len(read) - len(ended)} of {len(read)} texts"
            said.append(
                f"Transcribed plainly, {arm} of {clips} clips never ends {away}; on the others its WER is {rate([ended]):.1%}."
            )
    guard = "In such cases Whisper's guard, which Attune uses, falls back to another text.\n"
    return " ".join([*said, guard]) if said else ""


def _as_repeat(base: Row, row: Row) -> Row:
    return {**base, "job": {**base["job"], "repeat": row["job"]["repeat"]}}


def _forecasts(trained: Sequence[Row], base: Row | None, forecast: Sequence[Row]) -> str:
    rows = []
    arms = by_arm(trained)
    for row in forecast:
        measured = arms.get((row["job"]["clips"], row["job"]["arm"]), [])
        if not measured:
            continue
        train = middle(measured, lambda row: row["train"])
        pairs = [(row["train"], train)]
        if base is not None:
            evaluate = middle(measured, lambda row: row["evaluate"] + row["test_seconds"] + row["canary_seconds"])
            evaluate += base["test_seconds"] + base["canary_seconds"]
            pairs += [(row["evaluate"], evaluate), (row["train"] + row["evaluate"], train + evaluate)]
        cells = [cell for said, true in pairs for cell in (f"{said:.0f}", f"{true:.0f}", f"{said / true:.2f}")]
        rows.append([str(row["job"]["clips"]), row["job"]["arm"], *cells])
    titles = ("clips", "arm")
    for what in ("training", "transcribing", "in all") if base is not None else ("training",):
        titles += (f"{what}: forecast, s", "measured, s", "forecast over measured")
    found = markdown(titles, rows)
    what = " (transcribing is of all held-out clips)" if base is not None else ""
    return f"The page's forecast and the measured time{what}:\n\n{found}" if found else ""


def _readings(own: Sequence[Row]) -> str:
    read: dict[str, list[Row]] = {}
    for row in own:
        if row["job"]["kind"] == "transcribe":
            read.setdefault(row["job"]["arm"], []).append(row)
    rows = []
    for name in dict.fromkeys(name for several in read.values() for row in several for name in row["sets"]):
        of_set = {arm: [row["sets"][name] for row in several] for arm, several in read.items()}
        theirs = of_set.get(PIPELINE)
        for arm, several in of_set.items():
            seconds = {way: median(figures[way] for figures in several) for way in ("one", "batch")}
            clips, audio = len(several[0]["one_texts"]), several[0]["audio_seconds"]
            cells = [f"{name}, {clips} clips of {audio / clips:.1f} s", f"**{arm}**" if arm.startswith(OURS) else arm]
            cells += [f"{seconds[way]:.3f}" for way in seconds]
            for way in seconds:
                cells.append(f"{median(figures[way] for figures in theirs) / seconds[way]:.1f}" if theirs else "")
            cells.append(f"{middle(read[arm], lambda row: row['peak']) / 1e9:.2f}")
            cells += [f"{rate([several[0][f'{way}_errors']]):.1%}" for way in seconds]
            apart = theirs and arm != PIPELINE
            cells.append(_shown(difference(theirs[0]["one_errors"], several[0]["one_errors"])) if apart else "")
            same = [sum(a == b for a, b in zip(theirs[0]["one_texts"], several[0]["one_texts"], strict=True))] if apart else []
            cells += [f"{same[0] / clips:.0%}" if same else ""]
            rows.append(cells)
    titles = (
        "clips", "recogniser", "one at a time, s per clip", "in batches of 16", "times as fast as the pipeline: one",
        "in batches", "peak, GB", "WER, one at a time", "in batches", "from the pipeline", "clips with the same words",
    )  # fmt: skip
    found = markdown(titles, rows)
    return f"#### Transcribing with Whisper tiny.en, not fine-tuned\n\n{found}" if found else ""


def _thinning(own: Sequence[Row]) -> str:
    rows = []
    for row in own:
        if row["job"]["kind"] != "thin":
            continue
        for name, found in row["sets"].items():
            thin, whole = found["thin"], found["whole"]
            rows.append(
                (
                    name,
                    str(len(thin["errors"])),
                    f"{rate([whole['errors']]):.1%}",
                    f"{rate([thin['errors']]):.1%}",
                    _shown(difference(whole["errors"], thin["errors"])),
                    f"{whole['encode'] / thin['encode']:.1f}",
                    f"{whole['transcribe'] / thin['transcribe']:.1f}",
                )
            )
    titles = (
        "set",
        "clips",
        "WER, whole window",
        "WER, thinned",
        "change",
        "encoding, times as fast",
        "transcribing, times as fast",
    )
    said = "#### Thinning the padding: the base, everything else equal\n"
    found = markdown(titles, rows)
    return f"{said}\n{found}" if found else ""


def _shown(interval: Interval | None) -> str:
    return "" if interval is None else points(interval)
