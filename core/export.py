"""Taking the adapted model home: a Hugging Face folder with a card, and a zip of it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from core.errors import RunError
from core.files import replacing
from core.runs import Run


def write_card(folder: Path, result: dict[str, Any]) -> None:
    """Writes README.md, the model card: what it was made from, on what, and how it scored."""
    lines = [
        "---",
        f"language: {result['language']}",
        "pipeline_tag: automatic-speech-recognition",
        "tags: [attune]",
        "---",
        f"# {result['model']}, adapted",
        "",
        f"Fine-tuned with Attune from `{result['model']}` on {result['clips']} clips ({result['minutes']:.1f} min) of the "
        f'set "{result["set"]}"{", made by speech synthesisers" if result["synthetic"] else ""}. '
        f"Seed {result['seed']}, {result['steps']} steps, best after step {result['best_step']}.",
        "",
        "| clips | model | WER | CER |",
        "|---|---|---|---|",
    ]
    canary = result["canary_set"]
    kind = "synthetic, English" if canary["synthetic"] else f'"{canary["name"]}", English'
    for group, name in (("test", "held-out clips of the set"), ("canary", f"general speech ({kind})")):
        if result[group]:
            for model in ("base", "adapted"):
                rates = result[group][model]
                lines.append(f"| {name} | {model} | {rates['wer']:.1%} | {rates['cer']:.1%} |")
    lines += ["", "Scores compare normalised text (lower case, no punctuation).", "", "Recipe:", "", "```"]
    lines += [f"{key} = {value}" for key, value in result["recipe"].items()]
    lines += ["```", ""]
    with replacing(folder / "README.md") as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")


def zip_model(run: Run) -> Path:
    """Returns a zip of the adapted model, made on the first call; it unpacks to one folder that `from_pretrained` loads.

    Raises:
        RunError: the run has no adapted model yet.
    """
    if run.result() is None:
        raise RunError("run_unfinished", f"The run in {run.folder} has no adapted model yet.", folder=str(run.folder))
    target = run.folder / f"attune-{run.id}.zip"
    if not target.exists():
        with replacing(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(run.adapted.iterdir()):
                archive.write(file, f"attune-{run.id}/{file.name}")
    return target
