"""Export of the adapted model as a Hugging Face folder with a model card, and as a zip of it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from core.errors import RunError
from core.models.whisper.thresholds import MAX_TOKEN_RATIO, MIN_LOG_PROBABILITY, TEMPERATURES
from core.runs.report.facts import facts
from core.runs.report.words_shared import english
from core.runs.result import Result
from core.runs.run_folder import Run
from core.runs.run_name import write_name
from core.storage.files import replacing
from core.text.escaping import code, markdown, quoted
from core.text.scoring import clean

OWN_FAMILIES = ("deepspeech", "classifier")  # families that transformers does not support


def folder_name(id: str) -> str:
    """Returns the name of the folder in the zip of a run's model."""
    return f"attune-{id}"


def usage(name: str, family: str) -> str:
    """Returns Python code that transcribes a WAV file with an exported model, by transformers and soundfile alone if
    transformers supports the family; it needs no ffmpeg.

    Args:
        name: name of the model's folder.
        family: family of the model. For Whisper, the code enables the guard against endless repetition, which is off by
            default in transformers; the thresholds are those of Radford et al. 2022 in the units of transformers.
    """
    if family in OWN_FAMILIES:
        load = ["from core import decode, load_model", f"model = load_model({quoted(f'./{name}')})"]
        return "\n".join([*load, 'print(model.transcribe([decode("clip.wav")])[0].text)'])
    lines = [
        "import soundfile",
        "from transformers import pipeline",
        f'recognise = pipeline("automatic-speech-recognition", {quoted(name)})',
        'wave, rate = soundfile.read("clip.wav", dtype="float32")  # mono, 16 kHz; a path instead of samples would need ffmpeg',
        'clip = {"raw": wave, "sampling_rate": rate}',
    ]
    if family != "whisper":
        return "\n".join([*lines, 'print(recognise(clip)["text"])'])
    bounds = f'"compression_ratio_threshold": {MAX_TOKEN_RATIO}, "logprob_threshold": {MIN_LOG_PROBABILITY}'
    guard = f'guard = {{"temperature": {TEMPERATURES}, {bounds}}}'
    return "\n".join([*lines, guard, 'print(recognise(clip, generate_kwargs=guard)["text"])'])


def write_card(folder: Path, result: Result, name: str = "") -> None:
    """Writes README.md, the model card: base, training data, scores, usage and recipe.

    Args:
        folder: the model's.
        result: of the run.
        name: that a person gave the run; "" for none.
    """
    told = facts(result, english)
    lines = [
        "---",
        f"language: {quoted(result.language)}",  # YAML reads an unquoted no (Norwegian) as false
        "pipeline_tag: automatic-speech-recognition",
        "tags: [attune]",
        "---",
        f"# {markdown(f'{name}: {result.model}' if name else result.model)}, adapted",
        "",
        f"Fine-tuned with Attune from {code(result.model)} on {told.clips} ({result.minutes:.1f} min); the set is "
        f'"{markdown(result.set)}"{", made by speech synthesisers" if result.synthetic else ""}. Seed {result.seed}; '
        f"{told.steps}; {told.parameters}.{_between(result)}",
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
    if result.test is not None and result.test.terms:
        lines += ["", "| own word | in held-out clips | base right | adapted right |", "|---|---|---|---|"]
        lines += [f"| {markdown(t.term)} | {t.times} | {t.base} | {t.adapted} |" for t in result.test.terms]
    lines += ["", "In Python:", "", "```python", usage(folder_name(Path(result.run).name), result.family), "```"]
    lines += ["", "Scores compare normalised text (lower case, no punctuation).", "", "Recipe:", "", "```"]
    lines += [clean(f"{key} = {value}") for key, value in result.recipe.to_json().items()]
    lines += ["```", ""]
    with replacing(folder / "README.md") as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")


def _between(result: Result) -> str:
    if result.blend == 1:
        return ""
    return f" These weights are theta_p + a (theta - theta_p) with a = {result.blend:g}, the base's being theta_p."


def name_run(run: Run, text: str) -> str:
    """Names a finished run, in its model card too; the zip with the earlier card is deleted, to be written anew on request.

    Returns:
        The name as stored.

    Raises:
        RunError: the run has no adapted model yet.
        OSError: the disk is full.
    """
    result = run.result()
    if result is None:
        raise RunError("run_unfinished", f"The run in {run.folder} has no adapted model yet.", folder=str(run.folder))
    name = write_name(run, text)
    write_card(run.adapted, result, name)
    for made in run.folder.glob("*.zip"):
        made.unlink(missing_ok=True)
    return name


def zip_model(run: Run) -> Path:
    """Returns a zip of the adapted model, created on the first call; it has one folder that `from_pretrained` loads.

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
