"""The model card of a pretrained network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.text.escaping import code, markdown
from core.training.events import Evaluated

_KINDS = {"wav2vec2": "wav2vec 2.0", "deepspeech": "DeepSpeech"}
_LEARNT = {
    "contrastive": "by wav2vec 2.0's contrastive objective, from sound alone. It writes nothing: fine-tune it first",
    "distil": "to predict the frames of Whisper tiny.en's encoder, from sound alone. It writes nothing: fine-tune it first",
    "ctc": "by CTC to write the letters a to z, the apostrophe and the space",
}


def card(result: dict[str, Any], curve: Sequence[Evaluated] = ()) -> str:
    """Returns README.md: the network, its training data, its scores during training, and what it is not suitable for.

    Args:
        result: the job's result.
        curve: the job's evaluations.
    """
    kind, stage = _KINDS[result["network"]], result["stage"]
    start = f", beginning with the network of {code(_name(result['start']))}" if result["start"] else ", from random weights"
    lines = [
        "---",
        "language: en",
        f"pipeline_tag: {'automatic-speech-recognition' if stage == 'ctc' else 'feature-extraction'}",
        "tags: [attune]",
        "---",
        f"# A small {kind} for teaching",
        "",
        f"Trained with Attune {_LEARNT[stage]}{start}.",
        "",
        f"- Data: {_sources(result['data'])}: {result['clips']} clips, {result['hours']:.1f} h.",
        f"- Training: {result['steps']} steps over {result['hours_heard']:.1f} h of sound, repeats included, in "
        f"{result['seconds'] / 60:.0f} min. Seed {result['request']['seed']}.",
        f"- Parameters in training: {result['parameters'] / 1e6:.1f} M.",
        *_figures(result["held_out"]),
        *_curve(curve),
        "",
        "## What it is not for",
        "",
        "Writing down anyone's speech in earnest. It is small and has heard little, it knows English letters only, and of "
        "voices, rooms and words unlike its data it makes little. It is there to be adapted, taken apart and compared in a "
        "lesson.",
        "",
    ]
    return "\n".join(lines)


def _name(start: str) -> str:
    """Returns the name of an earlier stage: that of its job's folder, if its model is in one."""
    folder = Path(start)
    return folder.parent.name if folder.name == "model" else folder.name


def _sources(names: Sequence[str]) -> str:
    counts = Counter(names)
    return ", ".join(
        markdown(name) if times == 1 else f"{markdown(name)} ({times} times over)" for name, times in counts.items()
    )


def _curve(evaluations: Sequence[Evaluated]) -> list[str]:
    if not evaluations:
        return []
    measures = [name for name, _ in evaluations[0].measures]
    columns = ["minutes", "steps", "loss", *measures, *(["WER", "CER"] if evaluations[0].wer is not None else [])]
    lines = ["", "## On the way, on the held-out clips", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for one in evaluations:
        cells = [f"{one.seconds / 60:.0f}", str(one.step), "-" if one.loss is None else f"{one.loss:.3f}"]
        cells += [f"{value:.3g}" for _, value in one.measures]
        cells += [f"{rate:.1%}" for rate in (one.wer, one.cer) if rate is not None]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _figures(held_out: dict[str, Any] | None) -> list[str]:
    if held_out is None:
        return ["- Nothing was held out, so nothing is known of how well it does."]
    said = [] if held_out["loss"] is None else [f"loss {held_out['loss']:.3f}"]
    said += [f"{name} {value:.3g}" for name, value in held_out["measures"].items()]
    if held_out["wer"] is not None:
        said = [f"WER {held_out['wer']:.1%}", f"CER {held_out['cer']:.1%}", *said]
    return [f"- On {held_out['clips']} held-out clips: {', '.join(said)}."]
