"""A model set up for training: its batched examples, trained parameters, regularisation, and the loss of a batch."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch

from core.audio.augment.augmenter import Augmenter
from core.audio.sound_files import SAMPLE_RATE
from core.audio.waves import Sounds, evenly
from core.errors import DatasetError
from core.models.base.protocol import FRONT, AsrModel, Depth, Example, Features, TranscribesAbove, Transcript, in_language
from core.models.base.vocabulary import Fitted
from core.models.classifier import Classifier
from core.models.cpu.dropout import quick_dropout
from core.storage.cache import DiskCache, key_of
from core.training import adapters, freezing
from core.training.events import Noticed
from core.training.prefix_cache import PrefixCache
from core.training.recipe import Recipe
from core.training.regularisation import Anchor, adversarial_loss, masks_hidden
from core.training.transcript_cache import weights_key

SHOWN_CHARACTERS = 20  # at most, in a notice
BATCH_SECONDS = 10.0  # per clip: the longest clips of which a batch holds its full number; it holds fewer longer ones
PREFIX_VERSION = 6  # raise it when the same weights may compute a different prefix than before
AUGMENTING = 1  # random streams separate from the batch order, so that one choice does not change the other
REPLAYING = 2
LOSS_CLIPS = 16  # training clips whose loss shows whether training harmed the model, where no validation clips do
BABBLE_CLIPS = 50  # mixed into the babble of many voices, if augmentation adds it


class Learner:
    """The training state shared by the training loop, the learning-rate search and the forecast.

    Args:
        model: the base; its vocabulary is fitted and its adapter attached here.
        train: clips to train on.
        recipe: the recipe.
        seed: for augmentation and the choice of replayed general speech.
        general: general English speech; the recipe's share of it is mixed in.
        keep: whether to cache the outputs of a frozen prefix on disk for other runs.

    Attributes:
        notices: notices from the setup.
        examples: training clips, the replayed ones last; the first `own` are the user's. If their audio changes in
            each epoch, they hold no features, which would only take up memory.
        batches: indices into `examples`, clips of similar length together.
        padding: see `padding`.
        parameters: number of the model's parameters, not counting an adapter's.
        plans: how each layer is trained.
        groups: AdamW's parameter groups.
        learning: all trained parameters.
        anchor: their initial values, and the penalty.
        has_base: whether the model starts as the base, so that training can go back to it. A model with random weights, or
            with a new output layer, cannot transcribe yet.

    Raises:
        DatasetError: there is nothing to train on.
    """

    def __init__(
        self, model: AsrModel, train: Sounds, recipe: Recipe, seed: int = 0, general: Sounds = (), keep: bool = True
    ) -> None:
        self.model, self.recipe = model, recipe
        fitted = model.fit_to([text for _, text in train], [len(wave) / SAMPLE_RATE for wave, _ in train], recipe.vocabulary)
        self.notices = list(_vocabulary_notices(fitted))
        self._sounds: list[tuple[Sounds, int, str]] = []  # each example's source and language
        self.examples: list[Example] = []
        for place in range(len(train)):
            self._take(train, place, model.language, noticed=True)
        if not self.examples:
            raise DatasetError("no_training_clips", "There are no clips to train on.")
        self.own = len(self.examples)
        for place in _replayed(len(general), recipe.replayed(self.own), seed):
            self._take(general, place, "en", noticed=False)
        if recipe.replay and len(self.examples) == self.own:
            self.notices.append(Noticed("replay_none", "There is no general speech that this model could replay.", {}))
        seconds = [example.seconds for example in self.examples]
        self.batches = batches_by_length(seconds, recipe.batch_size)
        self.padding = padding(seconds, self.batches)

        self.parameters = sum(parameter.numel() for parameter in model.network.parameters())
        self.plans = freezing.plan(model, recipe)
        if recipe.adapter != "none":
            self.plans = with_adapters(model, self.plans, recipe, seed)
        self.groups = freezing.apply(self.plans, model.network)
        self.learning = [parameter for group in self.groups for parameter in group["params"]]
        if not self.learning:
            raise DatasetError("nothing_learns", "This recipe trains nothing: choose other layers or a learning rate above 0.")
        self.anchor = Anchor(self.learning, recipe.l2_sp, recipe.l2_new, model.fresh)
        self.has_base = recipe.start == "pretrained" and not recipe.drop_layers and not _is_redrawn(model, fitted)
        augment = recipe.augment
        masks, hidden = bool(augment.time_mask or augment.frequency_mask), masks_hidden(model.network)
        self._masks = masks and not hidden
        # Masking within the network differs in every epoch, so everything above it must be recomputed.
        self._depth = freezing.frozen_depth(
            [depth for depth in model.depths() if depth.layers == FRONT or not (masks and hidden)], self.learning
        )
        self._layers = None if self._depth is None else self._depth.layers
        self._cache = None if self._depth is None else PrefixCache(on_disk=DiskCache("prefixes") if keep else None)
        self._network_key = self._prefix_key(self._depth) if self._depth is not None and keep else ""
        self._cached_training = self._depth is not None and not (augment.changes_waves or self._masks or recipe.adversarial)
        self._augmenter = Augmenter(augment, self._voices() if augment.noise else ())
        self._rng = np.random.default_rng([seed, AUGMENTING])

    @property
    def keeps_prefix(self) -> bool:
        """Whether the frozen prefix of the training clips is computed only once; augmentation rules that out."""
        return self._cached_training

    def forget(self) -> None:
        """Clears the in-memory cache."""
        self._cache = None if self._depth is None else PrefixCache()

    @property
    def minutes(self) -> float:
        """Minutes of training audio."""
        return sum(example.seconds for example in self.examples) / 60

    def backward(self, index: int, share: float = 1.0) -> float:
        """Backpropagates a batch's loss times `share`, in training mode, and returns the loss.

        On the CPU, a batch with much audio is computed in pieces, one after the other: its loss is the mean of their
        losses, weighted by their numbers of clips. If the loss of a piece is not finite, its gradient is left out.
        """
        batch = self.batches[index]
        mean = 0.0
        for piece in self._pieces(batch):
            with quick_dropout(self.model.device):
                loss = self._loss(piece)
            value, weight = float(loss.detach()), len(piece) / len(batch)
            if math.isfinite(value):
                (loss * (share * weight)).backward()
            mean += weight * value
        return mean

    def _pieces(self, batch: Sequence[int]) -> list[list[int]]:
        seconds = len(batch) * max(self.examples[i].seconds for i in batch)
        count = math.ceil(seconds / self.model.piece_seconds) if self.model.device.type == "cpu" else 1
        return [piece.tolist() for piece in np.array_split(batch, min(count, len(batch)))]

    def _loss(self, indices: Sequence[int]) -> torch.Tensor:
        if self._cached_training:
            batch = [self.examples[i] for i in indices]
            return self._loss_above(batch, self._kept(batch))
        batch = [self._augmented(i) for i in indices]
        features = self.model.features(batch) if self._masks or self.recipe.adversarial else None
        if features is not None and self._masks:
            features = [masked(one, self._augmenter, self._rng) for one in features]
        if features is not None and self.recipe.adversarial:
            self.model.network.train()
            return adversarial_loss(self.model, batch, features, self.recipe.adversarial, self.recipe.label_smoothing)
        if self._depth is not None:
            return self._loss_above(batch, self._frozen(batch, features))
        self.model.network.train()
        return self._loss_above(batch, self.model.prefix(batch, features))

    @torch.no_grad()
    def held_out_loss(self, examples: Sequence[Example]) -> float | None:
        """Returns the mean loss on held-out clips; None if there are none."""
        self.model.network.eval()
        total = 0.0
        size = 1 if self.transcribes_above else self.recipe.batch_size  # 1, as in transcription, to share the frozen prefix
        for chosen in batches_by_length([example.seconds for example in examples], size):
            batch = [examples[i] for i in chosen]
            prefix = None if self._depth is None else self._kept(batch)
            total += float(self.model.loss(batch, prefix, depth=self._layers)) * len(batch)
        return total / len(examples) if examples else None

    def training_loss(self) -> float | None:
        """Returns the mean loss on an even sample of the user's training clips as recorded, as `held_out_loss` computes it."""
        sample = (self._sounds[i] for i in evenly(self.own, LOSS_CLIPS))
        return self.held_out_loss([_example(self.model, language, *sounds[place]) for sounds, place, language in sample])

    @property
    def transcribes_above(self) -> bool:
        """Whether `transcribe` computes the frozen prefix only once per clip."""
        return self._depth is not None and isinstance(self.model, TranscribesAbove)

    def transcribe(self, waves: Sequence[np.ndarray]) -> list[Transcript]:
        """Transcribes as the model does; if its family supports it, the frozen prefix is computed only once per clip."""
        if self._depth is not None and isinstance(self.model, TranscribesAbove):
            return self.model.transcribe_above(waves, self._kept, self._layers)
        return self.model.transcribe(waves)

    def transcribing_apart(self) -> Callable[[np.ndarray], Transcript]:
        """Returns a function that transcribes a clip as `transcribe` does, but keeps its frozen prefix apart from the cache."""
        apart = PrefixCache()

        def kept(batch: Sequence[Example]) -> torch.Tensor:
            return apart.get(self._keys(batch), partial(self._frozen, batch))

        def transcribed(wave: np.ndarray) -> Transcript:
            if self._depth is not None and isinstance(self.model, TranscribesAbove):
                return self.model.transcribe_above([wave], kept, self._layers)[0]
            return self.model.transcribe([wave])[0]

        return transcribed

    def join(self, step: int, steps: int) -> None:
        """Unfreezes the layers that are trained at a step, see `freezing.joined`."""
        learn = freezing.joined(len(self.groups), step, steps, self.recipe.unfreeze)
        for place, group in enumerate(reversed(self.groups)):
            for parameter in group["params"]:
                parameter.requires_grad_(place < learn)

    def blend(self, share: float) -> None:
        """Moves the trained parameters to theta_p + share * (theta - theta_p); an adapter so that its merged weights are that.

        Layers without a base, such as an output layer that is new or writes new characters, stay as trained.
        """
        fresh = {id(parameter) for parameter in self.model.fresh}
        for entry in self.plans:
            if entry.adapted:
                continue
            if not any(id(parameter) in fresh for parameter in entry.layer.parameters):
                self.anchor.blend(share, entry.learning)
        adapters.blend(self.model, share)

    def drift(self) -> tuple[tuple[str, float], ...]:
        """Returns ||theta_l - theta_p,l|| / ||theta_p,l|| of every trained layer, bottom to top.

        With an adapter, it is the norm of what the adapter adds to its weights, relative to theirs.
        """
        return tuple((entry.layer.name, self._moved(entry)) for entry in self.plans if entry.learning)

    def _moved(self, entry: freezing.LayerPlan) -> float:
        return adapters.drift(self.model, entry.adapter) if entry.adapted else self.anchor.distance(entry.learning)

    def _take(self, sounds: Sounds, place: int, language: str, noticed: bool) -> None:
        wave, text = sounds[place]
        try:
            example = _example(self.model, language, wave, text)
            changes = self.recipe.augment.changes_waves
            self.examples.append(dataclasses.replace(example, features=torch.empty(0)) if changes else example)
            self._sounds.append((sounds, place, language))
        except DatasetError as error:
            if noticed:
                self.notices.append(Noticed(error.reason, str(error), error.details))

    def _augmented(self, i: int) -> Example:
        if not self.recipe.augment.changes_waves:
            return self.examples[i]
        sounds, place, language = self._sounds[i]
        wave, text = sounds[place]
        try:
            return _example(self.model, language, self._augmenter.wave(wave, self._rng), text)
        except DatasetError:  # sped up, the clip may have too few frames for its text
            return _example(self.model, language, wave, text)

    def _voices(self) -> list[np.ndarray]:
        chosen = (self._sounds[i] for i in evenly(self.own, BABBLE_CLIPS))
        return [sounds[place][0] for sounds, place, _ in chosen]

    def _prefix_key(self, depth: Depth) -> str:
        """Returns the key of everything the frozen prefix depends on except the clip: its weights and how it computes."""
        model = self.model
        how = (model.family, type(model.network).__name__, model.extractor, model.thin, self.recipe.precision, model.device)
        return key_of([weights_key(depth.weights), *map(str, (*how, depth.layers, PREFIX_VERSION))])

    def _keys(self, batch: Sequence[Example]) -> list[str]:
        """Returns each clip's key: its audio, its features, and the length to which the batch's longest clip pads it."""
        longest = (max(e.seconds for e in batch), max(e.features.numel() for e in batch))
        return [f"{e.sound}-{key_of([self._network_key, *longest, e.key])}" for e in batch]

    def _kept(self, batch: Sequence[Example]) -> torch.Tensor:
        """Returns the frozen prefix of clips, from the cache or newly computed."""
        assert self._cache is not None, "what is frozen is kept"
        return self._cache.get(self._keys(batch), partial(self._frozen, batch))

    @torch.no_grad()
    def _frozen(self, batch: Sequence[Example], features: Sequence[Features] | None = None) -> torch.Tensor:
        # Dropout and the network's own masking apply only to trained layers; a cached prefix must be deterministic.
        self.model.network.eval()
        return self.model.prefix(batch, features, self._layers)

    def _loss_above(self, batch: Sequence[Example], prefix: torch.Tensor) -> torch.Tensor:
        self.model.network.train()
        return self.model.loss(batch, prefix, self.recipe.label_smoothing, self._layers)


def masked(features: Features, augmenter: Augmenter, rng: np.random.Generator) -> Features:
    """Returns features with stretches of each clip hidden, see `Augmenter.features`."""
    values = features.values.clone()
    for row, frames in zip(values, features.frames, strict=True):
        if features.bands is None:  # samples: only stretches of time
            row.copy_(augmenter.features(row[None], frames, rng)[0])
        else:
            upright = row if features.bands < features.time else row.T
            upright.copy_(augmenter.features(upright.clone(), frames, rng))
    return dataclasses.replace(features, values=values)


def _example(model: AsrModel, language: str, wave: np.ndarray, text: str) -> Example:
    with in_language(model, language):
        return model.example(wave, text)


def batches_by_length(seconds: Sequence[float], size: int) -> list[list[int]]:
    """Groups clips of similar duration into batches with little padding.

    A batch holds `size` clips, but at most `size * BATCH_SECONDS` of audio, padding included: this bounds the memory that
    the longest clips take, while batches of ordinary clips are as large as the recipe says.

    Returns:
        Indices into `seconds`, shortest clips first. The groups stay the same in every epoch; only their order changes.
    """
    by_length = sorted(range(len(seconds)), key=lambda i: seconds[i])
    batches: list[list[int]] = [[]]
    for i in by_length:
        if len(batches[-1]) == size or (len(batches[-1]) + 1) * seconds[i] > max(size * BATCH_SECONDS, seconds[i]):
            batches.append([])
        batches[-1].append(i)
    return [batch for batch in batches if batch]


def padding(seconds: Sequence[float], batches: Sequence[Sequence[int]]) -> float:
    """Returns the share of the batches' audio that is padding, up to each batch's longest clip."""
    taken = sum(len(batch) * max(seconds[i] for i in batch) for batch in batches)
    return 1 - sum(seconds) / taken if taken else 0.0


def _replayed(general: int, wanted: int, seed: int) -> list[int]:
    """Chooses clips of general speech, if there are any; none is repeated before all have been used."""
    count = wanted if general else 0
    order = np.random.default_rng([seed, REPLAYING]).permutation(general) if count else np.array([], int)
    return np.resize(order, count).tolist()


def with_adapters(model: AsrModel, plans: Sequence[freezing.LayerPlan], recipe: Recipe, seed: int) -> list[freezing.LayerPlan]:
    """Attaches a recipe's adapter to the layers that need one, and returns the plans with the adapter's parameters."""
    chosen = [entry for entry in plans if entry.adapted and entry.rate > 0]
    attached = adapters.attach(
        model,
        [entry.layer for entry in chosen],
        recipe.adapter,
        recipe.adapter_targets,
        recipe.adapter_rank,
        recipe.adapter_alpha,
        recipe.dropout or 0.0,
        seed,
    )
    learning = {entry.layer.name: layer.parameters for entry, layer in zip(chosen, attached, strict=True)}
    return [
        dataclasses.replace(
            entry,
            adapter=learning.get(entry.layer.name, ()),
            rate=entry.rate if not entry.adapted or learning.get(entry.layer.name) else 0.0,
        )
        for entry in plans
    ]


def for_task(model: AsrModel, recipe: Recipe, texts: Sequence[str], seed: int = 0) -> AsrModel:
    """Returns the model that a recipe trains: the base, or a classifier of the training texts over its encoder."""
    if recipe.task == "classify" and model.family != "classifier":
        return Classifier.from_recogniser(model, texts, recipe.precision, seed)
    return model


def layer_plans(model: AsrModel, recipe: Recipe) -> list[freezing.LayerPlan]:
    """Returns how a recipe would train each layer of a model, without changing the model."""
    if recipe.adapter == "none":
        return freezing.plan(model, recipe)
    twin = copy.deepcopy(model)
    return with_adapters(twin, freezing.plan(twin, recipe), recipe, seed=0)


def _is_redrawn(model: AsrModel, fitted: Fitted) -> bool:
    """Returns whether a whole layer of a model is new; a few new characters beside the old ones leave it what it was."""
    return fitted.kind == "new" or any(bool(mask.all()) for mask in model.fresh.values())


def _vocabulary_notices(fitted: Fitted) -> Iterator[Noticed]:
    if fitted.kind == "new":
        yield Noticed(
            "vocabulary_new",
            f"The output layer is new: it writes the {fitted.size} characters of the training transcripts.",
            {"size": fitted.size},
        )
    if fitted.kind == "extended":
        shown = " ".join(fitted.added[:SHOWN_CHARACTERS])
        yield Noticed(
            "vocabulary_extended",
            f"The output layer was extended by {len(fitted.added)} characters: {shown}.",
            {"characters": shown, "count": len(fitted.added)},
        )
    if fitted.left_out:
        times = sum(fitted.left_out.values())
        shown = " ".join(sorted(fitted.left_out, key=lambda c: -fitted.left_out[c])[:SHOWN_CHARACTERS])
        yield Noticed(
            "characters_dropped",
            f"The model cannot write {shown} ({times} times in the transcripts); they were left out.",
            {"characters": shown, "times": times},
        )
