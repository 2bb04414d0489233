"""One fine-tune by Attune or by the usual recipe, and its scores; the forecast of one; the base without any.

Whoever trained it, a model is saved, loaded again and read by the same code, with the same budget of tokens; and by
transformers' plain `generate` too, which knows nothing of Attune.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
)

from core.audio.sound_files import SAMPLE_RATE, decode
from core.audio.waves import Sounds
from core.data.clips.labelled_set import speakers_or_sentences
from core.data.samples import REPLAY, WATCHED_CLIPS, read_sample
from core.models.base.protocol import AsrModel
from core.models.loading import fetch_model, load_model
from core.storage.files import whole_folder, write_json
from core.text.metrics import score
from core.training.events import Evaluated, Noticed, Prepared, Stepped, Trained
from core.training.forecast import Workload, forecast, spread_clips, usual_clips
from core.training.loop import finetune
from core.training.presets import preset
from core.training.recipe import Recipe
from tests.bench.arms import ARMS, Spent
from tests.bench.clips import Spoken

CTC = "wav2vec2-base, random"  # as large as the real one: for time and memory, nothing it writes means anything
DEFAULT = "default"
PLAIN_BATCH = 8
LETTERS = "abcdefghijklmnopqrstuvwxyz'"
TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "conv_dim": (32,) * 7}
TINY |= {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}


def recipe_of(arm: str, family: str, clips: int) -> Recipe:
    """Returns the recipe of one of Attune's arms.

    Args:
        arm: a preset's name or "default", then changes if wished: "accent:thin=false,precision=float32".
        family: of the model.
        clips: how many are trained on.
    """
    name, _, changes = arm.partition(":")
    recipe = Recipe.default(family, clips) if name == DEFAULT else preset(name, family, clips)
    return recipe.changed(dict(pair.split("=", 1) for pair in changes.split(",") if pair))


def source_folder(model: str, folder: Path, tiny: bool) -> Path:
    """Returns where a model lies as transformers loads it; the CTC model is made there the first time."""
    return Path(fetch_model(model)) if model != CTC else _random_ctc(folder / "wav2vec2", tiny)


def train(arm: str, source: Path, parts: dict[str, Spoken], epochs: int, seed: int, folder: Path) -> dict[str, Any]:
    """Fine-tunes one arm and saves it in `folder`.

    Args:
        arm: one of `ARMS`, or for `recipe_of`.
        source: folder of the base.
        parts: "train" and "validation".
        epochs: of the Trainer's arms; Attune's choose their own.
        seed: of the training.
        folder: to make.
    """
    if arm in ARMS:
        from tests.bench import trainer  # what it imports is not to weigh on the memory of the others

        spent = trainer.train(arm, source, parts["train"], parts["validation"], epochs, seed, folder)
    else:
        epochs, spent = _ours(arm, source, parts, seed, folder)
    return {**dataclasses.asdict(spent), "epochs": epochs, "audio_seconds": parts["train"].seconds}


def _ours(arm: str, source: Path, parts: dict[str, Spoken], seed: int, folder: Path) -> tuple[int, Spent]:
    began = time.perf_counter()
    model, recipe = _as_the_app_does(arm, source, len(parts["train"].clips))
    general = _replay()
    prepared, trained, notices = None, None, []
    trained_for, reached = 0.0, []
    started, busy = time.perf_counter(), time.process_time()
    before = started
    for event in finetune(
        model,
        parts["train"].sounds,
        parts["validation"].sounds,
        recipe,
        seed=seed,
        general=general[:-WATCHED_CLIPS] if recipe.replay else (),
        watch=general[-WATCHED_CLIPS:],
    ):
        prepared = event if isinstance(event, Prepared) else prepared
        trained = event if isinstance(event, Trained) else trained
        notices += [event.reason] if isinstance(event, Noticed) else []
        trained_for += time.perf_counter() - before if isinstance(event, Stepped) else 0.0
        if isinstance(event, Evaluated) and event.wer is not None:
            reached.append((trained_for, event.wer))
        before = time.perf_counter()
    busy, seconds = time.process_time() - busy, time.perf_counter() - started
    assert prepared is not None
    assert trained is not None
    with whole_folder(folder / "adapted") as building:
        model.save(building)
    for file in (folder / "adapted").iterdir():
        file.rename(folder / file.name)
    return recipe.epochs, Spent(
        prepare=started - began + prepared.seconds,
        train=trained.seconds,
        evaluate=trained.evaluation_seconds,
        save=0.0,
        steps=trained.steps,
        visits=prepared.clips * recipe.epochs,
        cores=busy / seconds,
        notices=tuple(notices),
        reached=tuple(reached),
    )


def predict(arm: str, source: Path, parts: dict[str, Spoken]) -> dict[str, float]:
    """Forecasts one of Attune's arms as the page does, from clips of all lengths."""
    learn = parts["train"]
    model, recipe = _as_the_app_does(arm, source, len(learn.clips))
    seconds = [len(wave) / SAMPLE_RATE for wave in learn.waves]
    sample = [learn.sounds[i] for i in spread_clips(seconds, recipe.batch_size)]
    counts = {part: len(parts[part].clips) for part in ("train", "test", "canary", "validation")}
    heard = (parts[part].waves for part in ("test", "canary"))
    hard, easy = ([waves[i] for i in usual_clips([len(wave) / SAMPLE_RATE for wave in waves])] for waves in heard)
    watch = [wave for wave, _ in _replay()[-WATCHED_CLIPS:]]
    return dataclasses.asdict(forecast(model, Workload(sample=sample, hard=hard, easy=easy, watch=watch, **counts), recipe))


def read_back(folder: Path, parts: dict[str, Spoken], plain: bool) -> dict[str, Any]:
    """Transcribes test and canary clips with a saved Whisper and scores them.

    Args:
        folder: of the model.
        parts: "train", from which every arm gets the same token budget; "test" and "canary".
        plain: whether to read them by transformers' `generate` alone too, in float32.
    """
    model = load_model(str(folder))
    model.fit_to([c.text for c in parts["train"].clips], [len(w) / SAMPLE_RATE for w in parts["train"].waves])
    results: dict[str, Any] = {}
    readers: dict[str, Callable[[Sequence[np.ndarray]], list[str]]] = {"": lambda waves: _texts(model, waves)}
    if plain:
        readers["plain_"] = lambda waves: generate(folder, waves)
    for prefix, reader in readers.items():
        for part in ("test", "canary"):
            began = time.perf_counter()
            texts = reader(parts[part].waves)
            results[f"{prefix}{part}_seconds"] = time.perf_counter() - began
            results[f"{prefix}{part}"] = counted(parts[part], texts)
    return results


def counted(spoken: Spoken, texts: list[str]) -> list[list]:
    """Returns the cluster, the word errors and the reference words of each clip."""
    result = score([clip.text for clip in spoken.clips], texts)
    clusters, _ = speakers_or_sentences(spoken.clips, "en")
    return [list(row) for row in zip(clusters, result.word_errors, result.words, strict=True)]


@torch.no_grad()
def generate(folder: Path, waves: Sequence[np.ndarray]) -> list[str]:
    """Transcribes by transformers' Whisper as it comes, from 30 s windows in float32."""
    network = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    processor = WhisperProcessor.from_pretrained(folder)
    texts: list[str] = []
    for start in range(0, len(waves), PLAIN_BATCH):
        batch = waves[start : start + PLAIN_BATCH]
        mel = processor.feature_extractor(batch, sampling_rate=SAMPLE_RATE, return_tensors="pt", return_attention_mask=True)
        written = network.generate(mel.input_features, attention_mask=mel.attention_mask)
        texts += processor.tokenizer.batch_decode(written, skip_special_tokens=True)
    return texts


def _texts(model: AsrModel, waves: Sequence[np.ndarray]) -> list[str]:
    return [transcript.text for transcript in model.transcribe(waves)]


def _as_the_app_does(arm: str, source: Path, clips: int) -> tuple[AsrModel, Recipe]:
    model = load_model(str(source))
    recipe = recipe_of(arm, model.family, clips)
    if recipe.precision != "auto":
        model = load_model(str(source), precision=recipe.precision)
    if model.family == "ctc":  # random weights overfit and diverge as they like, and all steps are to be timed
        recipe = dataclasses.replace(recipe, guards=False)
    model.thin = model.thin and recipe.thin
    return model, recipe


def _replay() -> Sounds:
    return [(decode(clip.path), clip.text) for clip in read_sample(REPLAY).clips]


def _random_ctc(folder: Path, tiny: bool) -> Path:
    if (folder / "config.json").exists():
        return folder
    with whole_folder(folder) as building:
        tokens = ["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS]
        write_json(building / "vocab.json", {token: i for i, token in enumerate(tokens)})
        tokenizer = Wav2Vec2CTCTokenizer(str(building / "vocab.json"))
        Wav2Vec2Processor(Wav2Vec2FeatureExtractor(return_attention_mask=False), tokenizer).save_pretrained(building)
        torch.manual_seed(0)
        sizes = TINY if tiny else {}  # transformers' default sizes are wav2vec2-base's
        config = Wav2Vec2Config(vocab_size=len(tokens), pad_token_id=0, ctc_loss_reduction="mean", **sizes)
        Wav2Vec2ForCTC(config).save_pretrained(building)
    return folder
