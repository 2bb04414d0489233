"""Taking the adapted model home: a Hugging Face folder with a card, and a zip of it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from core.errors import RunError
from core.models.whisper.thresholds import MAX_TOKEN_RATIO, MIN_LOG_PROBABILITY, TEMPERATURES
from core.runs.result import Result
from core.runs.run_folder import Run
from core.storage.files import replacing
from core.text.escaping import code, markdown, quoted
from core.text.scoring import clean

OWN_FAMILIES = ("deepspeech", "classifier")  # that transformers does not know


def folder_name(id: str) -> str:
    """Returns the name of the folder that the zip of a run's model unpacks to."""
    return f"attune-{id}"


def usage(name: str, family: str) -> str:
    """Returns the lines of Python that transcribe with an exported model: by transformers alone where it knows the family.

    Args:
        name: of the model's folder.
        family: of the model. Whisper is read with its guard against texts that never end, which transformers leaves out
            unless it is asked for; the bounds are those of Radford et al. 2022 as transformers counts them.
    """
    if family in OWN_FAMILIES:
        load = ["from core import decode, load_model", f"model = load_model({quoted(f'./{name}')})"]
        return "\n".join([*load, 'print(model.transcribe([decode("clip.wav")])[0].text)'])
    lines = ["from transformers import pipeline", f'recognise = pipeline("automatic-speech-recognition", {quoted(name)})']
    if family != "whisper":
        return "\n".join([*lines, 'print(recognise("clip.wav")["text"])'])
    bounds = f'"compression_ratio_threshold": {MAX_TOKEN_RATIO}, "logprob_threshold": {MIN_LOG_PROBABILITY}'
    guard = f'guard = {{"temperature": {TEMPERATURES}, {bounds}}}'
    return "\n".join([*lines, guard, 'print(recognise("clip.wav", generate_kwargs=guard)["text"])'])


def write_card(folder: Path, result: Result) -> None:
    """Writes README.md, the model card: what it was made from, on what, and how it scored."""
    lines = [
        "---",
        f"language: {quoted(result.language)}",  # YAML takes a bare no, Norwegian, for false
        "pipeline_tag: automatic-speech-recognition",
        "tags: [attune]",
        "---",
        f"# {markdown(result.model)}, adapted",
        "",
        f"Fine-tuned with Attune from {code(result.model)} on {result.clips} clips ({result.minutes:.1f} min) of the "
        f'set "{markdown(result.set)}"{", made by speech synthesisers" if result.synthetic else ""}. '
        f"Seed {result.seed}, {result.steps} steps, best after step {result.best_step}.",
        "",
        "| clips | model | WER | CER |",
        "|---|---|---|---|",
    ]
    canary = result.canary_set
    kind = "synthetic, English" if canary.synthetic else f'"{markdown(canary.name)}", English'
    for group, name in (("test", "held-out clips of the set"), ("canary", f"general speech ({kind})")):
        if group in result.figures:
            for model in ("base", "adapted"):
                rates = getattr(result.figures[group], model)
                lines.append(f"| {name} | {model} | {rates.wer:.1%} | {rates.cer:.1%} |")
    lines += ["", "In Python:", "", "```python", usage(folder_name(Path(result.run).name), result.family), "```"]
    lines += ["", "Scores compare normalised text (lower case, no punctuation).", "", "Recipe:", "", "```"]
    lines += [clean(f"{key} = {value}") for key, value in result.recipe.to_json().items()]
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
    name = folder_name(run.id)
    target = run.folder / f"{name}.zip"
    if not target.exists():
        with replacing(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(file for file in run.adapted.glob("*") if file.is_file()):
                archive.write(file, f"{name}/{file.name}")
    return target
