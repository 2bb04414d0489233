"""Training a small network from nothing: its objectives, its loop, and going on where it was."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import Wav2Vec2ForPreTraining

from core.audio.augment.augmenter import Augmenter
from core.audio.sound_files import SAMPLE_RATE, write_flac
from core.errors import AttuneError, RunError
from core.models.deepspeech.model import new_network
from core.models.loading import load_model
from core.models.small.networks import deepspeech_config, redraw, standardise, wav2vec2_config
from core.models.small.shapes import SIZES
from core.pretraining.card import card as model_card
from core.pretraining.contrastive import Contrastive
from core.pretraining.corpus import Corpus, Excerpt, batches, decoded, find_corpus
from core.pretraining.job import PretrainingJob, carry_out, create, open_job, resume
from core.pretraining.networks import new_objective
from core.pretraining.request import AUGMENTATIONS, Pretraining
from core.storage.files import read_json
from core.training.events import Evaluated, Noticed, Prepared, Stepped
from tests.conftest import tone

TEXTS = ("a bad cab", "dig a dog", "fee fie", "it's old", "so so", "we met", "yes", "zero")


def melody(seed: int, seconds: float) -> np.ndarray:
    """Notes of 80 ms that go up a scale over and over, so that what is hidden can be told from what is around it."""
    notes = [tone(0.08, 200.0 * 2 ** (((i + seed) % 6) / 3), i) for i in range(round(seconds / 0.08))]
    return np.concatenate(notes).astype(np.float32)


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight short clips, six to learn from and two held out."""
    folder = tmp_path_factory.mktemp("sheet")
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "text", "speaker", "part"])
        for i, text in enumerate(TEXTS):
            write_flac(folder / f"{i}.flac", melody(i, 1.2 + 0.1 * i))
            rows.writerow([f"{i}.flac", text, "", "train" if i < 6 else "validation"])
    return folder / "manifest.csv"


def asked(sheet: Path, stage: str = "contrastive", **changes: Any) -> Pretraining:
    given = {"network": "wav2vec2", "data": (str(sheet),), "size": "toy", "batch_seconds": 4.0, "steps": 4, "evaluations": 1}
    return Pretraining(stage, **{**given, **changes})


def trained(folder: Path, request: Pretraining) -> PretrainingJob:
    job = create(folder, request)
    with job.lock():
        list(carry_out(job))
    return job


@pytest.fixture(scope="module")
def first_stage(sheet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("first") / "job", asked(sheet)).model


def test_the_callers_random_numbers_stay(sheet: Path, tmp_path: Path) -> None:
    before, before_of_numpy = torch.get_rng_state(), np.random.get_state()
    trained(tmp_path / "job", asked(sheet))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), before_of_numpy, strict=True))


def test_teaching_size_is_small_enough() -> None:
    for size in SIZES:
        recogniser = sum(p.numel() for p in Wav2Vec2ForPreTraining(wav2vec2_config(size)).parameters())
        assert recogniser < 12e6
        assert sum(p.numel() for p in new_network(deepspeech_config(size)).parameters()) < 8e6
    assert 2 * recogniser < 25e6


def test_signals_keep_their_size_in_a_new_deepspeech() -> None:
    config = deepspeech_config("teaching")
    features = [torch.randn(200, config.features, generator=torch.Generator().manual_seed(0)) * 20 + 5]
    windows = features[0].unfold(0, 2 * config.context + 1, 1).transpose(1, 2).flatten(1)
    differ = {}
    for redrawn in (False, True):
        torch.manual_seed(0)
        network = new_network(config)
        if redrawn:
            redraw(network)
        standardise(network, config, features)
        with torch.no_grad():
            first = network.fc1(windows).relu()
            third = network.fc3(network.fc2(first).relu()).relu()
            written = network.out(network.fc4(network.rnn(third[:, None])[0]).relu())
        differ[redrawn] = float(written.std(0).mean())  # over moments: how much of the sound arrives at the letters
    assert float(third.std() / first.std()) > 0.5
    assert differ[True] > 10 * differ[False]


def test_batches_are_the_same_wherever_one_begins() -> None:
    seconds = np.random.default_rng(0).uniform(1, 9, 50)
    whole = list(islice(batches(seconds, 20.0, 3), 60))
    assert list(islice(batches(seconds, 20.0, 3), 25, 60)) == whole[25:]
    assert list(islice(batches(seconds, 20.0, 4), 60)) != whole
    first = []
    while len(first) < 50:
        first += whole.pop(0)
    assert sorted(first) == list(range(50))
    second = []
    while len(second) < 50:
        second += whole.pop(0)
    assert sorted(second) == list(range(50))
    assert second != first
    for batch in islice(batches(seconds, 20.0, 3), 60):
        assert len(batch) * max(seconds[i] for i in batch) <= 20.0


def test_a_clip_longer_than_the_budget_is_a_batch_of_its_own() -> None:
    assert {tuple(sorted(batch)) for batch in islice(batches([9.0, 30.0, 9.0], 20.0, 0), 2)} == {(0, 2), (1,)}


def test_a_folder_of_sound_is_found_at_any_depth_and_cut(tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    long = melody(1, 24.0)
    write_flac(tmp_path / "deep" / "deeper" / "long.flac", long)
    write_flac(tmp_path / "short.flac", melody(2, 0.5))
    (tmp_path / "broken.wav").write_bytes(b"RIFF no sound")
    (tmp_path / "notes.txt").write_text("not a readable sound")
    corpus, notices = find_corpus([str(tmp_path)], "", False, None)
    assert [round(sound.start, 2) for sound in corpus.train] == [0.0, 8.0, 16.0]
    assert sum(sound.seconds for sound in corpus.train) == pytest.approx(len(long) / SAMPLE_RATE)
    heard = np.concatenate([wave for wave, _ in decoded(corpus.train)])
    assert len(heard) == len(long)
    assert np.abs(heard - long).max() < 1e-4
    assert [notice.reason for notice in notices] == ["clips_dropped", "nothing_held_out"]
    assert notices[0].details["clips"] == 2


def test_a_corpus_comes_back_from_disk(tmp_path: Path, sheet: Path) -> None:
    corpus, _ = find_corpus([str(sheet)], "", True, None)
    assert (len(corpus.train), len(corpus.held_out)) == (6, 2)
    assert corpus.train[3].text == "it's old"
    corpus.write(tmp_path / "corpus.jsonl")
    assert Corpus.read(tmp_path / "corpus.jsonl") == corpus


def test_what_is_gone_or_silent_is_left_out_of_a_batch(tmp_path: Path) -> None:
    write_flac(tmp_path / "pause.flac", np.concatenate([np.zeros(16_000, np.float32), melody(0, 1.0)]))
    none, pause = (str(tmp_path / name) for name in ("none.flac", "pause.flac"))
    found = decoded([Excerpt(none, 0, 1), Excerpt(pause, 0, 1), Excerpt(pause, 1, 1)])
    assert len(found) == 1


def test_contrastive_losses_are_those_of_transformers() -> None:
    torch.manual_seed(0)
    objective = Contrastive(Wav2Vec2ForPreTraining(wav2vec2_config("toy")), "float32")
    objective.network.eval()
    np.random.seed(0)
    heard = [(melody(i, 1.5 + 0.2 * i), "") for i in range(3)]
    values, mask, others = objective.drawn(heard, np.random.default_rng(0))
    assert values.shape == (3, len(heard[0][0]))
    assert 0.2 < mask.float().mean() < 0.8
    with torch.no_grad():
        ours = objective.losses(values, mask, others)
        theirs = objective.network(values, mask_time_indices=mask, sampled_negative_indices=others)
    count = int(mask.sum())
    assert float(ours.contrastive) == pytest.approx(float(theirs.contrastive_loss) / count, rel=1e-4)
    assert float(ours.diversity) == pytest.approx(float(theirs.diversity_loss) / count, rel=1e-4)
    assert ours.perplexity == pytest.approx(float(theirs.codevector_perplexity), rel=1e-4)


def test_contrastive_training_beats_chance() -> None:
    torch.manual_seed(0)
    objective = Contrastive(Wav2Vec2ForPreTraining(wav2vec2_config("toy")), "float32")
    heard = [(melody(i, 1.6), "") for i in range(4)]
    before = objective.measure([heard])
    learn(objective, heard, 120, 5e-3)
    after = objective.measure([heard])
    assert after.loss < 0.8 * before.loss
    measures = dict(after.measures)
    assert measures["accuracy"] > 4 * measures["chance"]
    assert measures["perplexity"] > 4  # several codes are in use: targets that are all alike would be easy to tell


def learn(objective: Any, heard: Sequence[tuple[np.ndarray, str]], steps: int, rate: float) -> float:
    optimiser = torch.optim.Adam(objective.network.parameters(), lr=rate)
    for step in range(steps):
        torch.manual_seed(step)
        np.random.seed(step)
        objective.at(step / steps)
        loss = objective.loss(heard, np.random.default_rng(step))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(objective.network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
    return float(loss.detach())


def spelt(text: str) -> np.ndarray:
    """A note of 0.2 s for each letter, at a pitch of its own."""
    notes = [tone(0.2, 150.0 + 90.0 * (ord(letter) % 32), i) for i, letter in enumerate(text)]
    return np.concatenate(notes).astype(np.float32)


@pytest.mark.parametrize("network", ["wav2vec2", "deepspeech"])
def test_ctc_learns_two_clips_by_heart(network: str, sheet: Path) -> None:
    heard = [(spelt(text), text) for text in ("a dog", "it's")]
    request = asked(sheet, "ctc", network=network, precision="float32")
    objective = new_objective(request, Augmenter(request.augment), [wave for wave, _ in heard])
    before = objective.measure([heard])
    assert before.wer is not None
    learn(objective, heard, 400, 2e-3)
    after = objective.measure([heard])
    assert (after.texts, after.wer) == (("a dog", "it's"), 0.0)
    assert after.loss < 0.2 * before.loss


def test_distillation_comes_nearer_to_the_teacher(sheet: Path, bundled: Path) -> None:
    objective = new_objective(asked(sheet, "distil"), Augmenter(AUGMENTATIONS["none"]))
    heard = [(melody(i, 1.3 + 0.2 * i), "") for i in range(2)]
    before = objective.measure([heard])
    learn(objective, heard, 40, 5e-3)
    after = objective.measure([heard])
    assert after.loss < 0.8 * before.loss
    assert dict(after.measures)["cosine"] > dict(before.measures)["cosine"] + 0.2


def losses(events: Sequence[object]) -> list[float]:
    return [event.loss for event in events if isinstance(event, Stepped)]


@pytest.mark.parametrize(
    ("stage", "network"), [("contrastive", "wav2vec2"), ("ctc", "wav2vec2"), ("ctc", "deepspeech"), ("distil", "wav2vec2")]
)
def test_going_on_equals_never_having_stopped(stage: str, network: str, sheet: Path, bundled: Path, tmp_path: Path) -> None:
    request = asked(sheet, stage, network=network, steps=6, augment=AUGMENTATIONS["usual"], save_minutes=1000.0)
    whole = trained(tmp_path / "whole", request)
    job = create(tmp_path / "stopped", request)
    events = carry_out(job)
    while not (isinstance(event := next(events), Stepped) and event.step == 3):
        pass
    job.ask_to_stop()
    with pytest.raises(RunError, match="Stopped"):
        list(events)
    assert [path.name for path in job.folder.glob("checkpoint-*")] == ["checkpoint-000000003"]
    assert job.result() is None
    resume(job)
    again = list(carry_out(job))
    assert [event.step for event in again if isinstance(event, Stepped)] == [4, 5, 6]
    assert job.losses() == whole.losses()
    assert len(whole.losses()) == 6
    figures = [result["held_out"]["loss"] for result in (job.result(), whole.result())]
    assert figures[0] == figures[1]
    assert not list(job.folder.glob("checkpoint-*"))


def test_one_that_was_killed_goes_on_from_its_checkpoint(sheet: Path, tmp_path: Path) -> None:
    request = asked(sheet, steps=5, save_minutes=0.0)
    job = create(tmp_path / "killed", request)
    events = carry_out(job)
    for event in events:
        if isinstance(event, Stepped) and event.step == 3:
            break
    events.close()
    assert [path.name for path in job.folder.glob("checkpoint-*")] == ["checkpoint-000000002"]
    resume(job)
    assert [event.step for event in carry_out(job) if isinstance(event, Stepped)] == [3, 4, 5]
    assert job.losses() == trained(tmp_path / "whole", request).losses()


def test_its_events_and_result(sheet: Path, first_stage: Path) -> None:
    job = open_job(first_stage.parent)
    events = job.events()
    (prepared,) = [event for event in events if isinstance(event, Prepared)]
    assert (prepared.clips, prepared.steps, prepared.validation) == (6, 4, 2)
    evaluated = [event for event in events if isinstance(event, Evaluated)]
    assert [event.step for event in evaluated] == [0, 4]
    assert [name for name, _ in evaluated[-1].measures] == ["accuracy", "chance", "perplexity"]
    result = job.result()
    assert result["hours_heard"] > 0
    assert result["hours"] == pytest.approx(sum(1.2 + 0.1 * i for i in range(6)) / 3600, rel=0.05)
    assert (result["steps"], result["clips"], result["data"]) == (4, 6, ["manifest.csv"])
    assert {"parameters", "loss", "seconds", "versions", "request", "megabytes"} <= set(result)
    card = (first_stage / "README.md").read_text(encoding="utf-8")
    assert "What it is not for" in card
    assert "chance" in card
    assert "| minutes | steps | loss | accuracy | chance | perplexity |" in card
    assert card.count("\n| 0 | ") == 2, "before and at the end"
    assert str(sheet.parent) not in card


def test_a_table_named_twice_is_said_so(first_stage: Path) -> None:
    result = read_json(first_stage.parent / "result.json")
    assert "a.csv (2 times over), b.csv: 6 clips" in model_card({**result, "data": ["a.csv", "b.csv", "a.csv"]})


def test_minutes_end_it_and_bring_the_rate_to_nothing(sheet: Path, tmp_path: Path) -> None:
    job = trained(tmp_path / "job", asked(sheet, steps=0, minutes=0.03))
    steps = [event for event in job.events() if isinstance(event, Stepped)]
    assert steps[-1].step == len(steps) >= 2
    assert job.result()["seconds"] >= 0.9 * 0.03 * 60  # which count from a little later than the minutes do
    assert [event.remaining for event in steps] == sorted((event.remaining for event in steps), reverse=True)


@pytest.mark.parametrize("half", [False, True])
def test_the_first_stage_is_loaded_as_a_model_that_was_never_taught_to_write(sheet: Path, tmp_path: Path, half: bool) -> None:
    folder = trained(tmp_path / "job", asked(sheet, half=half, steps=1)).model
    kinds = {value.dtype for value in load_file(folder / "model.safetensors").values()}
    assert kinds == {torch.float16 if half else torch.float32}
    model = load_model(str(folder))
    assert {p.dtype for p in model.network.parameters()} == {torch.float32}
    assert model.writes is False


@pytest.mark.parametrize("network", ["wav2vec2", "deepspeech"])
def test_half_a_recogniser_computes_in_float32_what_was_measured(network: str, sheet: Path, tmp_path: Path) -> None:
    job = trained(tmp_path / "job", asked(sheet, "ctc", network=network, half=True, steps=2))
    assert {value.dtype for value in load_file(job.model / "model.safetensors").values()} == {torch.float16}
    model = load_model(str(job.model))
    assert {p.dtype for p in model.network.parameters()} == {torch.float32}
    assert model.characters() == frozenset("abcdefghijklmnopqrstuvwxyz'")
    held_out = decoded(job.corpus().held_out)
    loss = model.loss([model.example(wave, text) for wave, text in held_out])
    assert float(loss.detach()) == pytest.approx(job.result()["held_out"]["loss"], rel=0.05)


@pytest.mark.parametrize("stage", ["contrastive", "distil"])
def test_stages_follow_each_other(stage: str, sheet: Path, bundled: Path, tmp_path: Path) -> None:
    before = trained(tmp_path / "before", asked(sheet, stage, steps=1)).model
    request = asked(sheet, "ctc", start=str(before), steps=1, frozen=1.0, warmup=0.0)
    job = trained(tmp_path / "after", request)
    old, new = (load_model(str(folder)).network.wav2vec2 for folder in (before, job.model))
    kept = {name for name, value in old.named_parameters() if torch.equal(value, new.get_parameter(name))}
    front = {name for name, _ in old.named_parameters() if name.startswith("feature_extractor.")}
    assert front <= kept
    assert len(kept) < len(dict(old.named_parameters()))
    thawed = trained(tmp_path / "thawed", dataclasses.replace(request, frozen=0.0)).model
    moved = load_model(str(thawed)).network.wav2vec2
    assert not all(torch.equal(old.get_parameter(name), moved.get_parameter(name)) for name in front)


def test_a_sound_may_not_be_learnt_from_and_held_out(sheet: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text(f"path,text\n{sheet.parent / '0.flac'},a bad cab\n", encoding="utf-8")
    with pytest.raises(AttuneError, match="in both training and test"):
        find_corpus([str(sheet)], str(tmp_path / "other.csv"), True, None)


def _empty(folder: Path) -> Path:
    return folder


def _unlabelled(folder: Path) -> Path:
    write_flac(folder / "a.flac", melody(0, 1.5))
    return folder


def _unwritable(folder: Path) -> Path:
    write_flac(folder / "a.flac", melody(0, 1.5))
    (folder / "clips.csv").write_text("path,text\na.flac,déjà vu\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("make", "stage", "changes", "reason", "sentence"),
    [
        (_empty, "contrastive", {}, "pretrain_no_sound", "no sound to train on"),
        (_unlabelled, "ctc", {}, "pretrain_no_texts", "has no transcripts"),
        (_unwritable, "ctc", {}, "pretrain_no_sound", "cannot write à é"),
        (_unlabelled, "contrastive", {"start": "nowhere"}, "pretrain_start_missing", "no config.json"),
        (_unlabelled, "contrastive", {"network": "deepspeech"}, "pretrain_stage", "train it with --stage ctc"),
        (_unlabelled, "contrastive", {"steps": 0}, "pretrain_length", "Say how long to train"),
        (_unlabelled, "contrastive", {"minutes": 1.0}, "pretrain_length", "one of the two"),
        (_unlabelled, "guess", {}, "recipe_value", "stage is one of contrastive, distil, ctc"),
        (_unlabelled, "contrastive", {"batch_seconds": 0.1}, "recipe_range", "batch_seconds must be between"),
    ],
)
def test_what_cannot_be_done_is_said(
    make: Callable[[Path], Path], stage: str, changes: dict[str, Any], reason: str, sentence: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(AttuneError, match=sentence) as refused:
        create(tmp_path / "job", asked(make(folder), stage, **changes))
    assert refused.value.reason == reason
    assert not (tmp_path / "job").exists()


def test_a_folder_of_another_kind_is_no_earlier_stage(sheet: Path, tiny_whisper: Path, tmp_path: Path) -> None:
    with pytest.raises(AttuneError, match="network is whisper, not wav2vec2"):
        create(tmp_path / "job", asked(sheet, "ctc", start=str(tiny_whisper)))


def test_a_damaged_checkpoint_is_named(sheet: Path, tmp_path: Path) -> None:
    job = create(tmp_path / "job", asked(sheet))
    (job.folder / "checkpoint-000000002").mkdir()
    (job.folder / "checkpoint-000000002" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(RunError, match="checkpoint-000000002 is damaged. Delete it"):
        list(carry_out(job))


def test_a_finished_or_busy_one_does_not_go_on(first_stage: Path, sheet: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is done: there is nothing to resume"):
        resume(open_job(first_stage.parent))
    job = create(tmp_path / "job", asked(sheet))
    with job.lock(), pytest.raises(RunError, match="This is already being trained"):
        resume(job)
    with pytest.raises(RunError, match="is not empty"):
        create(tmp_path / "job", asked(sheet))
    with pytest.raises(RunError, match="There is no pretraining in"):
        open_job(tmp_path)
    assert read_json(job.folder / "request.json")["kind"] == job.kind == "pretraining"


def test_shared_sentences_are_noticed(tmp_path: Path) -> None:
    for i in range(2):
        write_flac(tmp_path / f"{i}.flac", melody(i, 1.5))
    (tmp_path / "clips.csv").write_text("path,text,part\n0.flac,so so,train\n1.flac,So so.,validation\n", encoding="utf-8")
    _, notices = find_corpus([str(tmp_path)], "", True, None)
    assert [(notice.reason, isinstance(notice, Noticed)) for notice in notices] == [("shared_sentences", True)]
