"""Starting points of a training: new networks or those of an earlier stage, each with its objective."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import Wav2Vec2ForCTC, Wav2Vec2ForPreTraining, Wav2Vec2Model

from core.audio.augment.augmenter import Augmenter
from core.errors import ModelError
from core.models.base.protocol import AsrModel
from core.models.base.random_numbers import RandomNumbers
from core.models.ctc.model import Ctc
from core.models.deepspeech.mfcc import mfcc
from core.models.deepspeech.model import DeepSpeech, new_network
from core.models.loading import load_model
from core.models.small.networks import deepspeech_config, redraw, standardise, wav2vec2_config, wav2vec2_extractor
from core.models.small.shapes import LETTERS
from core.pretraining.contrastive import Contrastive
from core.pretraining.distil import TEACHER, Distil
from core.pretraining.objectives import Objective
from core.pretraining.request import LANGUAGE, Pretraining
from core.pretraining.transcribing import Transcribing
from core.storage.files import read_json

HERE = {"local_files_only": True, "trust_remote_code": False}  # nothing is downloaded, and no code in a folder is executed


def refuse_start(request: Pretraining) -> None:
    """Checks that the folder to start from holds the requested kind of network.

    Raises:
        ModelError: it holds another kind, or no network.
    """
    if not request.start:
        return
    try:
        found = read_json(Path(request.start) / "config.json").get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(
            "pretrain_start_missing", f"{request.start} is not the folder of an earlier stage: it has no config.json."
        ) from error
    if found != request.network:
        raise ModelError(
            "pretrain_start",
            f"{request.start} is not the folder of an earlier stage: its network is {found}, not {request.network}.",
        )


def new_objective(request: Pretraining, augmenter: Augmenter, some: Sequence[np.ndarray] = ()) -> Objective:
    """Returns the objective of a request, with its initial network.

    Args:
        request: the request.
        augmenter: the training's augmenter.
        some: float32 [samples] at 16 kHz of a few clips, used to scale a new DeepSpeech's first layer.

    Raises:
        ModelError: the folder to start from cannot be used.
    """
    with RandomNumbers(request.seed):
        if request.stage == "contrastive":
            return Contrastive(_wav2vec2(Wav2Vec2ForPreTraining, request), request.precision)
        if request.stage == "distil":
            teacher = load_model(TEACHER, precision=request.precision)
            return Distil(_wav2vec2(Wav2Vec2Model, request), teacher, request.seed, request.precision)
        if request.network == "deepspeech":
            return Transcribing(_deepspeech(request, some), augmenter)
        return Transcribing(_recogniser(request), augmenter, request.frozen if request.start else 0.0)


def _wav2vec2(kind: Any, request: Pretraining) -> Any:
    if not request.start:
        return kind(wav2vec2_config(request.size))
    try:
        return kind.from_pretrained(request.start, **HERE)
    except Exception as error:  # the libraries raise a dozen unrelated types
        raise ModelError("pretrain_start_damaged", f"{request.start} could not be read: {error}") from error


def _recogniser(request: Pretraining) -> AsrModel:
    """Returns a wav2vec 2.0 that writes `LETTERS`; output rows of letters it could already write are kept."""
    if request.start:
        model = load_model(str(Path(request.start).absolute()), LANGUAGE, precision=request.precision)
    else:
        network = Wav2Vec2ForCTC(wav2vec2_config(request.size))
        model = Ctc("new", network, wav2vec2_extractor(), None, LANGUAGE, precision=request.precision)
    model.fit_to([LETTERS], [1.0], "new")
    return model


def _deepspeech(request: Pretraining, some: Sequence[np.ndarray]) -> AsrModel:
    if request.start:
        return load_model(str(Path(request.start).absolute()), LANGUAGE, precision=request.precision)
    config = deepspeech_config(request.size)
    network = new_network(config)
    redraw(network)
    if some:
        standardise(network, config, [mfcc(wave, config.features) for wave in some])
    return DeepSpeech("new", network, config, LANGUAGE, precision=request.precision)
