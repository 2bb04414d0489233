"""Execution of a run: load, transcribe with the base, fine-tune, save, transcribe with the adapted model, compare."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.audio.sound_files import MAX_CLIP_SECONDS, SAMPLE_RATE
from core.audio.waves import Labelled, Sounds
from core.data.clips import labelled_set
from core.data.clips.labelled_set import PARTS, Clip, Dropped, Overlap
from core.data.clips.parts import MIN_CLIPS_TO_SPLIT
from core.errors import RecipeError
from core.evaluation.analysis import Analysis, analyse, measure_sound
from core.evaluation.compare import Comparison, compare
from core.evaluation.selection import clip_to_watch
from core.models.base.protocol import AsrModel, in_language
from core.models.base.random_numbers import RandomNumbers
from core.models.deepspeech.model import DeepSpeech, drop_source_layers
from core.models.loading import load_model
from core.runs.environment import environment
from core.runs.export import hugging_face
from core.runs.limits import GROUPS
from core.runs.request import Request
from core.runs.result import GeneralSpeech, Result, Seconds
from core.runs.run_folder import Run
from core.runs.unusable_clips import clips_dropped
from core.storage import full_disk
from core.storage.files import sha256, whole_folder
from core.text.normalisation import Normalisation, default
from core.text.scoring import normalise
from core.training.evaluating import Transcribe, transcribe
from core.training.events import Entered, Event, Finished, Noticed, Prepared, Trained
from core.training.learner import for_task
from core.training.loop import finetune
from core.training.transcript_cache import UnchangedTranscriber
from core.training.watching import WatchedClip


def execute(run: Run, *, keep_model: bool = True) -> Iterator[Event]:
    """Executes a run from its folder, writing every event there before yielding it.

    Args:
        run: the run.
        keep_model: whether to save the adapted model; otherwise only the figures are kept.

    Yields:
        The events, ending with Finished.

    Raises:
        AttuneError: the model, the clips or the recipe cannot be used.
        OSError: the disk is full.
    """
    return run.record(_steps(run, keep_model))


@dataclass(frozen=True)
class _Material:
    """The decoded clips that a run trains on and is scored on.

    Attributes:
        clips: clips by part: "train", "validation", those of `GROUPS`, "general" and "watch".
        waves: sounds of the same clips, float32 [samples] at 16 kHz.
        dropped: clips that cannot be used.
        shared: overlap between training and test.
    """

    clips: dict[str, list[Clip]]
    waves: dict[str, Sequence[np.ndarray]]
    dropped: tuple[Dropped, ...]
    shared: Overlap

    @property
    def scored(self) -> int:
        """Number of clips that both models transcribe."""
        return sum(len(self.clips[group]) for group in GROUPS)

    def sounds(self, part: str) -> Sounds:
        """Returns the sounds and texts of a part, in the form that `finetune` takes."""
        return Labelled(self.waves[part], [clip.text for clip in self.clips[part]])


def _steps(run: Run, keep_model: bool) -> Iterator[Event]:
    started = time.perf_counter()
    request = run.request()
    yield Entered("loading")
    model = _load(run, request, keep_model)
    material = _prepare(request)
    yield from _notices(request, material)
    prepare_seconds = time.perf_counter() - started

    before = time.perf_counter()
    yield Entered("base", material.scored)
    base = _transcribe(model, material.waves, UnchangedTranscriber())
    evaluate_seconds = time.perf_counter() - before

    model = _to_train(model, request, material)
    yield Entered("training", len(material.clips["train"]))
    watched_clip = _to_watch(material, base, request.labelled_set.language) if keep_model else None  # else nobody looks on
    prepared, trained = yield from _train(run, request, model, material, watched_clip, keep_model)

    if keep_model:
        yield Entered("saving")
        with whole_folder(run.adapted) as folder:
            model.save(folder)

    before = time.perf_counter()
    yield Entered("adapted", material.scored)
    adapted = _transcribe(model, material.waves)
    comparisons = _compare(request, material, base, adapted)
    evaluate_seconds += time.perf_counter() - before + trained.evaluation_seconds

    seconds = Seconds(prepare_seconds + prepared.seconds, trained.seconds, evaluate_seconds)
    result = _result(run, request, model.family, material, prepared, trained, comparisons, seconds)
    if keep_model:
        hugging_face.write_card(run.adapted, result)
    run.write(result, comparisons, _analyse(material, comparisons))
    yield Finished(time.perf_counter() - started)


def _load(run: Run, request: Request, keep_model: bool) -> AsrModel:
    """Loads the base, and checks for disk space for the adapted model now rather than after hours of training."""
    recipe = request.recipe
    model = load_model(request.model, request.labelled_set.language, precision=recipe.precision, thin=recipe.thin)
    if keep_model:
        full_disk.refuse_full(run.folder, sum(p.numel() * p.element_size() for p in model.network.parameters()))
    return model


def _prepare(request: Request) -> _Material:
    """Decodes the clips of all parts, and checks that no recording is both trained on and scored."""
    labelled = request.labelled_set
    asked = {
        **{part: labelled.part(part) for part in ("train", "validation", "test")},
        "canary": list(request.canary),
        "own": list(request.own),
        "general": list(request.general) if request.recipe.replay else [],
        "watch": list(request.watch),
    }
    # The user's own clip may be in the training set: it is shown and flagged, but never counted.
    held_out = [clip for part in ("validation", "test", "canary", "watch") for clip in asked[part]]
    labelled_set.refuse_shared_audio([*asked["train"], *asked["general"]], held_out, sha256)
    clips: dict[str, list[Clip]] = {}
    waves: dict[str, Sequence[np.ndarray]] = {}
    dropped: list[Dropped] = []
    for part in ("train", "validation", *GROUPS, "general", "watch"):
        english = part in ("canary", "general", "watch")
        language = None if part == "own" else "en" if english else labelled.language  # an own clip need not have a text
        waves[part], clips[part], lost = labelled_set.decode_clips(asked[part], MAX_CLIP_SECONDS, language)
        dropped += lost
    return _Material(clips, waves, tuple(dropped), labelled_set.overlap(clips["train"], clips["test"], labelled.language))


def _notices(request: Request, material: _Material) -> Iterator[Noticed]:
    labelled, shared = request.labelled_set, material.shared
    if material.dropped:
        yield clips_dropped(material.dropped)
    if labelled.normalisation != default(labelled.language):
        yield _texts_written(labelled.normalisation)
    if request.recipe.task == "classify":
        return  # a classifier can only recognise the texts it was trained on
    texts = len({normalise(clip.text, labelled.language) for part in PARTS for clip in material.clips[part]})
    if shared.sentences and texts < MIN_CLIPS_TO_SPLIT:
        yield Noticed(
            "few_texts",
            f"The set has only {texts} different texts, so training and test have the same ones, in different recordings: the "
            "score tells how well the model knows these, and nothing about anything else.",
            {"texts": texts},
        )
    elif shared.sentences:
        yield Noticed(
            "shared_sentences",
            f"{shared.sentences} sentences are in both training and test, in different recordings: "
            "the test tells you less about new sentences.",
            {"sentences": shared.sentences},
        )


def _to_train(model: AsrModel, request: Request, material: _Material) -> AsrModel:
    """Returns the model to train: the base, a classifier on its encoder, or the base with new last layers."""
    recipe = request.recipe
    model = for_task(model, recipe, [clip.text for clip in material.clips["train"]], request.seed)
    if recipe.drop_layers:
        if not isinstance(model, DeepSpeech):
            raise RecipeError("recipe_drop_layers", "drop_layers is for DeepSpeech models; leave it at 0.", name="drop_layers")
        with RandomNumbers(request.seed):
            model = drop_source_layers(model, recipe.drop_layers, model.config.alphabet)
    return model


def _to_watch(material: _Material, base: dict[str, list[str]], language: str) -> WatchedClip | None:
    """Chooses a clip that is not trained on: the person's own if it has a text, else a test clip, see `clip_to_watch`."""
    trained = {sha256(Path(clip.path)) for part in ("train", "general") for clip in material.clips[part]}
    for group in ("own", "test"):
        fit = [i for i, clip in enumerate(material.clips[group]) if sha256(Path(clip.path)) not in trained]
        clips = [material.clips[group][i] for i in fit]
        seconds = [len(material.waves[group][i]) / SAMPLE_RATE for i in fit]
        texts = [base[group][i] for i in fit]
        place = clip_to_watch([clip.text for clip in clips], texts, seconds, language)
        if place is not None:
            clip = clips[place]
            return WatchedClip(clip.id, material.waves[group][fit[place]], clip.text, texts[place])
    return None


def _train(
    run: Run,
    request: Request,
    model: AsrModel,
    material: _Material,
    watched_clip: WatchedClip | None,
    keep_model: bool,
) -> Generator[Event, None, tuple[Prepared, Trained]]:
    """Fine-tunes the model; returns the Prepared and Trained events."""
    prepared, trained = None, None
    for event in finetune(
        model,
        material.sounds("train"),
        material.sounds("validation"),
        request.recipe,
        seed=request.seed,
        language=request.labelled_set.language,
        should_stop=run.should_stop,
        general=material.sounds("general"),
        watch=material.sounds("watch"),
        adapter_folder=run.folder / "adapter" if keep_model else None,
        # A new one, because the vocabulary, an adapter or a random start may have changed the weights.
        transcribe_base=UnchangedTranscriber(),
        watched_clip=watched_clip,
    ):
        prepared = event if isinstance(event, Prepared) else prepared
        trained = event if isinstance(event, Trained) else trained
        yield event
    assert prepared is not None, "finetune begins with Prepared"
    assert trained is not None, "finetune ends with Trained"
    return prepared, trained


def _compare(
    request: Request, material: _Material, base: dict[str, list[str]], adapted: dict[str, list[str]]
) -> dict[str, Comparison]:
    language = request.labelled_set.language
    compared = {}
    for group in GROUPS:
        if clips := material.clips[group]:
            spoken, terms = ("en" if group == "canary" else language), (request.terms if group == "test" else ())
            compared[group] = compare(clips, base[group], adapted[group], spoken, terms)
    return compared


def _analyse(material: _Material, comparisons: dict[str, Comparison]) -> dict[str, Analysis]:
    return {
        group: analyse(comparison, [measure_sound(wave) for wave in material.waves[group]])
        for group, comparison in comparisons.items()
    }


def _result(
    run: Run,
    request: Request,
    family: str,
    material: _Material,
    prepared: Prepared,
    trained: Trained,
    comparisons: dict[str, Comparison],
    seconds: Seconds,
) -> Result:
    labelled = request.labelled_set
    figures = {group: comparison.figures for group, comparison in comparisons.items()}
    return Result(
        model=request.model,
        family=family,
        set=labelled.name,
        synthetic=labelled.synthetic,
        language=labelled.language,
        normalisation=labelled.normalisation,
        clips=prepared.clips,
        minutes=prepared.minutes,
        validation_clips=len(material.clips["validation"]),
        test_clips=len(material.clips["test"]),
        seed=request.seed,
        recipe=request.recipe,
        steps=trained.steps,
        best_step=trained.best_step,
        stopped=trained.stopped,
        ended=trained.ended,
        blend=trained.blend,
        distance=trained.distance,
        drift=trained.drift,
        replayed=prepared.replayed,
        trained_parameters=prepared.trained_parameters,
        parameters=prepared.parameters,
        seconds=seconds,
        test=figures.get("test"),
        canary=figures.get("canary"),
        canary_set=GeneralSpeech(request.canary_name, request.canary_synthetic),
        overlap=material.shared,
        dropped=material.dropped,
        run=str(run.folder),
        versions=environment(request.recipe.precision),
    )


def _transcribe(
    model: AsrModel, decoded: dict[str, Sequence[np.ndarray]], transcriber: Transcribe = transcribe
) -> dict[str, list[str]]:
    texts = {}
    for group in GROUPS:
        # The canary is English: a multilingual model set to Swahili would translate it, both before and after training.
        with in_language(model, "en" if group == "canary" else model.language):
            texts[group] = [t.text for t in transcriber(model, decoded[group])]
    return texts


def _texts_written(normalisation: Normalisation) -> Noticed:
    chosen = {name: value for name, value in normalisation.to_json().items() if value not in ("keep", "NFC", False)}
    shown = ", ".join(name if value is True else f"{name} {value}" for name, value in chosen.items())
    return Noticed(
        "texts_written",
        f"Transcripts are written in the style chosen for the set, for training and scoring alike: {shown or 'as typed'}.",
        {},
    )
