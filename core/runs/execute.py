"""Carrying out a run: load, read with the base, fine-tune, save, read with the adapted, compare."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from core.audio.sound_files import MAX_CLIP_SECONDS
from core.audio.waves import Labelled, Sounds
from core.data.clips import labelled_set
from core.data.clips.labelled_set import Clip, Dropped
from core.errors import RecipeError
from core.evaluation.compare import Comparison, compare
from core.models.base.protocol import AsrModel, in_language
from core.models.base.random_numbers import RandomNumbers
from core.models.classifier import Classifier
from core.models.deepspeech.model import DeepSpeech, drop_source_layers
from core.models.loading import load_model
from core.runs.dropped_clips import clips_dropped
from core.runs.environment import environment
from core.runs.export import hugging_face
from core.runs.limits import GROUPS
from core.runs.run_folder import Run
from core.storage import disk
from core.storage.files import sha256, whole_folder, write_json
from core.text.normalisation import Normalisation, default
from core.training.evaluating import Transcribe, transcribe
from core.training.events import Entered, Event, Finished, Noticed, Prepared, Trained
from core.training.loop import finetune
from core.training.transcript_cache import UnchangedTranscriber


def execute(run: Run, *, keep_model: bool = True) -> Iterator[Event]:
    """Carries out a run from its folder, writing every event there before yielding it.

    Args:
        run: what to do.
        keep_model: whether the adapted model is saved; without it only the figures are of use.

    Yields:
        The events, ending with Finished.

    Raises:
        AttuneError: the model, the clips or the recipe cannot be used.
        OSError: the disk is full.
    """
    for event in _steps(run, keep_model):
        run.append(event)
        yield event


def _steps(run: Run, keep_model: bool) -> Iterator[Event]:
    started = time.perf_counter()
    request = run.request()
    labelled, recipe = request.labelled_set, request.recipe
    yield Entered("loading")
    model = load_model(request.model, language=labelled.language, precision=recipe.precision)
    model.thin = model.thin and recipe.thin
    if keep_model:  # known now, and not after hours of training
        disk.refuse_full(run.folder, sum(p.numel() * p.element_size() for p in model.network.parameters()))
    groups = {"test": labelled.part("test"), "canary": list(request.canary), "own": list(request.own)}
    # The user's own clip may well be in the training set: it is shown, flagged, and never counted.
    held_out = [*labelled.part("validation"), *groups["test"], *groups["canary"], *request.watch]
    learnt = [*labelled.part("train"), *(request.general if recipe.replay else ())]
    labelled_set.refuse_shared_audio(learnt, held_out, sha256)
    decoded: dict[str, Sequence[np.ndarray]] = {}
    dropped: list[Dropped] = []
    beside = {"general": list(request.general) if recipe.replay else [], "watch": list(request.watch)}
    for part in ("train", "validation", *GROUPS, *beside):
        clips = beside[part] if part in beside else groups.get(part, labelled.part(part))
        decoded[part], groups[part], lost = labelled_set.decode_clips(clips, MAX_CLIP_SECONDS)
        dropped += lost
    if dropped:
        yield clips_dropped(dropped)
    if labelled.normalisation != default(labelled.language):
        yield _texts_written(labelled.normalisation)
    shared = labelled_set.overlap(groups["train"], groups["test"], labelled.language)
    if shared.sentences and recipe.task != "classify":  # a classifier can only be asked what it was taught
        yield Noticed(
            "shared_sentences",
            f"{shared.sentences} sentences stand both in training and in the test, in other recordings: "
            "the test shows less of what happens with new sentences.",
            {"sentences": shared.sentences},
        )
    prepare_seconds = time.perf_counter() - started

    before = time.perf_counter()
    yield Entered("base", sum(len(groups[group]) for group in GROUPS))
    base = _transcribe(model, decoded, UnchangedTranscriber())
    evaluate_seconds = time.perf_counter() - before

    if recipe.task == "classify" and model.family != "classifier":
        model = Classifier.from_recogniser(model, [clip.text for clip in groups["train"]], recipe.precision, request.seed)
    if recipe.drop_layers:
        if not isinstance(model, DeepSpeech):
            raise RecipeError("recipe_drop_layers", "drop_layers is for DeepSpeech models; leave it at 0.", name="drop_layers")
        with RandomNumbers(request.seed):
            model = drop_source_layers(model, recipe.drop_layers, model.config.alphabet)
    yield Entered("training", len(groups["train"]))
    prepared, trained = None, None
    for event in finetune(
        model,
        _sounds(decoded["train"], groups["train"]),
        _sounds(decoded["validation"], groups["validation"]),
        recipe,
        seed=request.seed,
        language=labelled.language,
        should_stop=run.should_stop,
        general=_sounds(decoded["general"], groups["general"]),
        watch=_sounds(decoded["watch"], groups["watch"]),
        adapter_folder=run.folder / "adapter" if keep_model else None,
        # Another one: the vocabulary, an adapter or a random start may have changed the weights.
        transcribe_base=UnchangedTranscriber(),
    ):
        prepared = event if isinstance(event, Prepared) else prepared
        trained = event if isinstance(event, Trained) else trained
        yield event
    assert prepared is not None, "finetune begins with Prepared"
    assert trained is not None, "finetune ends with Trained"

    if keep_model:
        yield Entered("saving")
        with whole_folder(run.adapted) as folder:
            model.save(folder)

    before = time.perf_counter()
    yield Entered("adapted", sum(len(groups[group]) for group in GROUPS))
    adapted = _transcribe(model, decoded)
    comparisons = {
        group: compare(groups[group], base[group], adapted[group], "en" if group == "canary" else labelled.language)
        for group in GROUPS
        if groups[group]
    }
    evaluate_seconds += time.perf_counter() - before + trained.evaluation_seconds
    write_json(run.folder / "comparison.json", {group: c.to_json() for group, c in comparisons.items()})
    result: dict[str, Any] = {
        "model": request.model,
        "family": model.family,
        "set": labelled.name,
        "synthetic": labelled.synthetic,
        "language": labelled.language,
        "normalisation": labelled.normalisation.to_json(),
        "clips": prepared.clips,
        "minutes": prepared.minutes,
        "validation_clips": len(groups["validation"]),
        "test_clips": len(groups["test"]),
        "seed": request.seed,
        "recipe": recipe.to_json(),
        "steps": trained.steps,
        "best_step": trained.best_step,
        "stopped": trained.stopped,
        "ended": trained.ended,
        "distance": trained.distance,
        "drift": [list(layer) for layer in trained.drift],
        "replayed": prepared.replayed,
        "trained_parameters": prepared.trained_parameters,
        "parameters": prepared.parameters,
        "seconds": {
            "prepare": prepare_seconds + prepared.seconds,
            "train": trained.seconds,
            "evaluate": evaluate_seconds,
        },
        "test": _summary(comparisons.get("test")),
        "canary": _summary(comparisons.get("canary")),
        "canary_set": {"name": request.canary_name, "synthetic": request.canary_synthetic},
        "overlap": {"sentences": shared.sentences, "speakers": shared.speakers},
        "dropped": [vars(row) for row in dropped],
        "run": str(run.folder),
        "versions": environment(recipe.precision),
    }
    if keep_model:
        hugging_face.write_card(run.adapted, result)
    write_json(run.folder / "result.json", result)
    yield Finished(time.perf_counter() - started)


def _transcribe(
    model: AsrModel, decoded: dict[str, Sequence[np.ndarray]], read: Transcribe = transcribe
) -> dict[str, list[str]]:
    texts = {}
    for group in GROUPS:
        # The canary is English: a multilingual model told to write Swahili would translate it, before and after alike.
        with in_language(model, "en" if group == "canary" else model.language):
            texts[group] = [t.text for t in read(model, decoded[group])]
    return texts


def _sounds(waves: Sequence[np.ndarray], clips: Sequence[Clip]) -> Sounds:
    return Labelled(waves, [clip.text for clip in clips])


def _texts_written(normalisation: Normalisation) -> Noticed:
    chosen = {name: value for name, value in normalisation.to_json().items() if value not in ("keep", "NFC", False)}
    shown = ", ".join(name if value is True else f"{name} {value}" for name, value in chosen.items())
    return Noticed(
        "texts_written",
        f"The transcripts are written as chosen for the set, to train on and to score against: {shown or 'as typed'}.",
        {},
    )


def _summary(comparison: Comparison | None) -> dict[str, Any] | None:
    return None if comparison is None else comparison.to_json(with_clips=False)
