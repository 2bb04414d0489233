"""A whole run from its folder: what it leaves there, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.clips.parts import assign_parts
from core.data.samples import REPLAY, read_sample
from core.errors import AttuneError, DatasetError, RecipeError, RunError
from core.models.loading import load_model
from core.runs import run_folder
from core.runs.execute import _prepare, _to_watch, _transcribe, execute
from core.runs.export import hugging_face
from core.runs.request import Request
from core.runs.run_folder import Run
from core.training.events import Entered, Evaluated, Finished, Noticed, Prepared, Stepped, Trained, Watched
from core.training.recipe import Recipe

RECIPE = Recipe(trains="decoder", learning_rate=1e-3, epochs=1, evaluations=1)


def small(name: str = "accent", per_part: int = 3) -> LabelledSet:
    """A sample set cut down to a few clips a part."""
    whole = read_sample(name)
    clips = tuple(clip for part in ("train", "validation", "test") for clip in whole.part(part)[:per_part])
    return dataclasses.replace(whole, clips=clips)


def request_for(model: Path, **changes: object) -> Request:
    usual = Request(str(model), small(), read_sample("general").clips[:2], (), RECIPE, 3)
    return dataclasses.replace(usual, **changes)


@pytest.fixture(scope="module")
def finished(tiny_whisper: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    own = small().part("train")[0]
    run = run_folder.create(tmp_path_factory.mktemp("runs") / "one", request_for(tiny_whisper, own=(own,)))
    happened = list(execute(run))
    assert run.events() == happened
    return run


def test_the_events_tell_the_story_in_order(finished: Run) -> None:
    happened = finished.events()
    assert [e.phase for e in happened if isinstance(e, Entered)] == ["loading", "base", "training", "saving", "adapted"]
    kinds = [type(e) for e in happened if not isinstance(e, Entered | Noticed)]
    assert kinds == [Prepared, Evaluated, Watched, Stepped, Evaluated, Watched, Trained, Finished]
    assert finished.state() == "done"


def test_a_held_out_clip_is_watched(finished: Run) -> None:
    before, after = (event for event in finished.events() if isinstance(event, Watched))
    clips = {clip.id: clip for clip in finished.comparisons()["test"].clips}
    clip = clips[before.clip]
    assert (before.clip, before.reference) == (after.clip, after.reference) == (clip.id, clip.reference)
    assert before.text == before.base == after.base == clip.base
    assert after.text == clip.adapted
    assert min(clip.base_errors, clip.words) == max(min(other.base_errors, other.words) for other in clips.values())


@pytest.mark.parametrize("case", ["own", "own without a text", "own that is trained on", "own and no test"])
def test_the_persons_own_clip_is_watched_if_it_is_held_out(case: str, tiny_whisper: Path) -> None:
    labelled, spoken = small(), read_sample("accent").part("test")[5]
    own = {
        "own without a text": dataclasses.replace(spoken, text=""),
        "own that is trained on": dataclasses.replace(labelled.part("train")[0], part="own", id="another"),
    }.get(case, spoken)
    if case == "own and no test":
        labelled = dataclasses.replace(labelled, clips=labelled.part("train"))
    material = _prepare(request_for(tiny_whisper, own=(own,), labelled_set=labelled))
    base = {group: ["one"] * len(clips) for group, clips in material.clips.items()}
    watched = _to_watch(material, base, "en")
    assert watched is not None
    assert (watched.id == own.id) == (case in ("own", "own and no test"))
    assert watched.reference in {clip.text for clip in (*labelled.part("test"), spoken)}


def test_the_result_notes_what_computed_it(finished: Run) -> None:
    result = finished.result()
    assert result is not None
    versions = result.versions
    assert list(versions)[:2] == ["attune", "python"]
    assert versions["torch"] == torch.__version__.partition("+")[0]
    assert versions["threads"] == str(torch.get_num_threads())
    assert versions["precision"] in ("float32", "bfloat16")
    assert all(isinstance(value, str) and value for value in versions.values())


def test_a_run_may_keep_its_figures_and_not_its_model(finished: Run, tmp_path: Path) -> None:
    clips = finished.comparisons()["test"].clips
    run = run_folder.create(tmp_path / "run", dataclasses.replace(finished.request(), own=()))
    happened = list(execute(run, keep_model=False))
    assert not [event for event in happened if isinstance(event, Watched)]  # nobody looks on
    compared = run.comparisons()["test"].clips
    assert [clip.base for clip in compared] == [clip.base for clip in clips]
    assert [clip.adapted for clip in compared] == [clip.adapted for clip in clips]
    assert not run.adapted.exists()


def test_the_result_says_on_what_it_was_computed(finished: Run) -> None:
    result = finished.result()
    assert result is not None
    assert (result.clips, result.validation_clips, result.test_clips, result.seed) == (3, 3, 3, 3)
    assert result.recipe == RECIPE
    assert all(seconds > 0 for seconds in (result.seconds.prepare, result.seconds.train, result.seconds.evaluate))
    for group, clips in (("test", 3), ("canary", 2)):
        assert result.figures[group].clips == clips
        assert result.figures[group].verdict == "thin"
    found = finished.comparisons()
    assert set(found) == {"test", "canary", "own"}
    assert {group: found[group].figures for group in ("test", "canary")} == result.figures
    assert [clip.trained_on for clip in found["own"].clips] == [True]
    held_out = {clip.path for clip in found["test"].clips}
    assert held_out == {clip.path for clip in small().part("test")}


def test_the_adapted_model_loads_with_transformers_and_with_us(finished: Run) -> None:
    assert WhisperForConditionalGeneration.from_pretrained(finished.adapted).config.d_model == 32
    assert WhisperProcessor.from_pretrained(finished.adapted).tokenizer.vocab_size > 50_000
    assert load_model(str(finished.adapted)).family == "whisper"
    card = (finished.adapted / "README.md").read_text(encoding="utf-8")
    assert "on 3 training clips" in card
    assert "made by speech synthesisers" in card
    assert hugging_face.usage(f"attune-{finished.id}", "whisper") in card
    assert "learning_rate = 0.001" in card


def test_the_zip_unpacks_to_one_folder_that_loads(finished: Run, tmp_path: Path) -> None:
    archive = hugging_face.zip_model(finished)
    assert hugging_face.zip_model(finished) == archive
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    assert folder.name == f"attune-{finished.id}"
    script = "import sys; from transformers import WhisperForConditionalGeneration as W; W.from_pretrained(sys.argv[1])"
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True, capture_output=True, cwd=tmp_path)


@pytest.mark.parametrize(
    ("family", "says"),
    [("whisper", "generate_kwargs=guard"), ("ctc", 'recognise(clip)["text"]'), ("deepspeech", "from core import")],
)
def test_how_to_use_a_model_depends_on_who_knows_its_family(family: str, says: str) -> None:
    code = hugging_face.usage("attune-x", family)
    compile(code, "usage", "exec")
    assert says in code


def test_the_given_lines_run_without_ffmpeg(finished: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(hugging_face.zip_model(finished)) as packed:
        packed.extractall(tmp_path)
    wave = 0.1 * np.sin(np.arange(16_000) / 20)
    soundfile.write(tmp_path / "clip.wav", wave, 16_000)
    lines = hugging_face.usage(hugging_face.folder_name(finished.id), "whisper")
    clean = {**os.environ, "PATH": str(tmp_path / "empty"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, cwd=tmp_path, env=clean)
    assert done.returncode == 0, done.stderr
    with_path = lines.replace("recognise(clip,", 'recognise("clip.wav",')
    done = subprocess.run([sys.executable, "-c", with_path], capture_output=True, text=True, cwd=tmp_path, env=clean)
    assert "ffmpeg" in done.stderr  # that it is hidden is what makes the test worth something


def test_there_is_no_zip_of_an_unfinished_run(tiny_whisper: Path, tmp_path: Path) -> None:
    run = run_folder.create(tmp_path / "run", request_for(tiny_whisper))
    with pytest.raises(RunError, match="no adapted model yet"):
        hugging_face.zip_model(run)


def test_the_same_request_gives_the_same_figures(finished: Run, tmp_path: Path) -> None:
    again = run_folder.create(tmp_path / "again", finished.request())
    list(execute(again))
    assert again.comparisons() == finished.comparisons()


def test_nothing_is_scored_on_what_it_was_trained_on(tiny_whisper: Path, tmp_path: Path) -> None:
    labelled = small()
    copy = tmp_path / "copy.flac"
    shutil.copy(labelled.part("train")[0].path, copy)
    clips = (*labelled.clips, Clip(str(copy), "Another name for the same sound", "", "test"))
    request = request_for(tiny_whisper, labelled_set=dataclasses.replace(labelled, clips=clips))
    with pytest.raises(DatasetError, match=r"copy\.flac among them, are in both training and test"):
        list(execute(run_folder.create(tmp_path / "run", request)))
    canary = Clip(labelled.part("train")[1].path, "As a canary")
    with pytest.raises(DatasetError, match="in both training and test"):
        list(execute(run_folder.create(tmp_path / "other", request_for(tiny_whisper, canary=(canary,)))))


def test_clips_that_cannot_be_read_are_named_and_left_out(tiny_whisper: Path, tmp_path: Path) -> None:
    (tmp_path / "page.wav").write_text("<html>")
    labelled = small()
    clips = (*labelled.clips, Clip(str(tmp_path / "page.wav"), "No sound", "", "train"))
    run = run_folder.create(
        tmp_path / "run", request_for(tiny_whisper, labelled_set=dataclasses.replace(labelled, clips=clips))
    )
    notices = [event for event in execute(run) if isinstance(event, Noticed) and event.reason != "no_gain"]
    assert [(n.reason, n.details) for n in notices] == [("clips_dropped", {"clips": 1, "name": "page.wav"})]
    result = run.result()
    assert result is not None
    assert [row.reason for row in result.dropped] == ["audio_unreadable"]


def test_shared_sentences_are_said(tiny_whisper: Path, tmp_path: Path) -> None:
    labelled = small()
    said = labelled.part("train")[0].text
    clips = tuple(dataclasses.replace(c, text=said) if c.part == "test" else c for c in labelled.clips)
    run = run_folder.create(
        tmp_path / "run", request_for(tiny_whisper, labelled_set=dataclasses.replace(labelled, clips=clips))
    )
    (notice,) = (event for event in execute(run) if isinstance(event, Noticed) and event.reason != "no_gain")
    assert (notice.reason, notice.details) == ("shared_sentences", {"sentences": 1})


def test_two_words_train_a_transcriber_and_a_noise_stops_nothing(tiny_whisper: Path, tmp_path: Path) -> None:
    clips = [dataclasses.replace(c, text=("yes", "no")[i % 2], part="") for i, c in enumerate(small().clips)]
    clips += [dataclasses.replace(read_sample("accent").part("train")[5], text="[noise]", part="")]
    split = tuple(assign_parts(clips, "en"))
    run = run_folder.create(tmp_path / "run", request_for(tiny_whisper, labelled_set=dataclasses.replace(small(), clips=split)))
    notices = {event.reason: event for event in execute(run) if isinstance(event, Noticed)}
    assert notices["few_texts"].details == {"texts": 2}
    assert notices["few_texts"].message.startswith(
        "The set has only 2 different texts, so training and test have the same ones"
    )
    assert "'[noise]', has no words" in notices["clips_dropped"].message
    assert "shared_sentences" not in notices
    result = run.result()
    assert result is not None
    assert [row.reason for row in result.dropped] == ["clip_no_words"]
    assert result.test is not None


def test_replay_an_adapter_and_what_is_watched(tiny_whisper: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, replay=0.5, adapter="lora", adapter_rank=2, learning_rate=1e-3)
    general = read_sample(REPLAY).clips
    request = request_for(tiny_whisper, recipe=recipe, general=general[:3], watch=general[3:5])
    run = run_folder.create(tmp_path / "run", request)
    assert run.request() == request
    happened = list(execute(run))
    looks = [event for event in happened if isinstance(event, Evaluated)]
    assert all(look.canary_wer is not None for look in looks)
    result = run.result()
    assert result is not None
    assert result.replayed == result.clips / 2
    assert {name for name, _ in result.drift} <= {layer.name for layer in load_model(str(tiny_whisper)).layers()}
    assert (run.folder / "adapter" / "adapter_model.safetensors").is_file()
    assert not (run.adapted / "adapter_config.json").exists()
    shared = run_folder.create(tmp_path / "shared", dataclasses.replace(request, watch=general[2:5]))
    with pytest.raises(DatasetError, match="in both training and test"):
        list(execute(shared))


def test_the_control_forgets_what_was_pretrained(tiny_whisper: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, start="random", learning_rate=1e-8, epochs=1)
    run = run_folder.create(tmp_path / "run", request_for(tiny_whisper, recipe=recipe))
    list(execute(run))
    before, after = load_model(str(tiny_whisper)).network, load_model(str(run.adapted)).network
    assert not torch.allclose(before.model.decoder.layers[0].fc1.weight, after.model.decoder.layers[0].fc1.weight, atol=1e-4)


def test_deepspeech_starts_its_top_layers_anew(tiny_deepspeech: Path, tiny_whisper: Path, tmp_path: Path) -> None:
    recipe = Recipe(learning_rate=1e-8, epochs=1, evaluations=1, drop_layers=2)
    run = run_folder.create(tmp_path / "run", request_for(tiny_deepspeech, recipe=recipe))
    list(execute(run))
    before, after = load_model(str(tiny_deepspeech)).network, load_model(str(run.adapted)).network
    moved = [name for name in ("fc1", "fc2", "fc3", "fc4", "out") if not torch.allclose(
        getattr(before, name).weight, getattr(after, name).weight, atol=1e-5
    )]  # fmt: skip
    assert moved == ["fc4", "out"]
    with pytest.raises(RecipeError, match="is for DeepSpeech models"):
        list(execute(run_folder.create(tmp_path / "other", request_for(tiny_whisper, recipe=recipe))))


def test_a_missing_model_is_said_before_anything_is_read(tmp_path: Path) -> None:
    run = run_folder.create(tmp_path / "run", request_for(tmp_path / "nowhere"))
    with pytest.raises(AttuneError, match="no folder"):
        list(execute(run))
    assert run.result() is None
    assert not run.adapted.exists()


def test_a_full_disk_leaves_no_half_model(tiny_whisper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, folder: Path) -> None:
        (folder / "half").write_text("x")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.models.whisper.model.Whisper.save", full)
    run = run_folder.create(tmp_path / "run", request_for(tiny_whisper))
    with pytest.raises(OSError, match="No space left"):
        list(execute(run))
    assert sorted(path.name for path in run.folder.iterdir()) == ["events.jsonl", "request.json"]


def worker(run: Run) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo.background.worker", str(run.folder)], capture_output=True, text=True, check=False
    )


def test_the_worker_carries_a_run_out_and_says_why_it_failed(tiny_whisper: Path, tmp_path: Path) -> None:
    run = run_folder.create(tmp_path / "run", request_for(tiny_whisper))
    assert worker(run).returncode == 0
    assert run.state() == "done"
    wrong = run_folder.create(tmp_path / "wrong", request_for(tmp_path / "nowhere"))
    assert worker(wrong).returncode == 1
    assert wrong.state() == "failed"
    assert json.loads((wrong.folder / "events.jsonl").read_text().splitlines()[-1])["reason"] == "model_no_folder"


def test_a_worker_stopped_while_it_waits_its_turn_trains_nothing(tiny_whisper: Path, tmp_path: Path) -> None:
    run = run_folder.create(tmp_path / "run", request_for(tiny_whisper))
    run.ask_to_stop()
    assert worker(run).returncode == 1
    assert run.state() == "failed"
    assert [event.reason for event in run.events()] == ["stopped_early"]


def test_the_canary_is_read_in_english_whatever_was_taught() -> None:
    class Echo:
        language = "sw"

        def transcribe(self, waves: list) -> list:
            return [SimpleNamespace(text=self.language) for _ in waves]

    model = Echo()
    assert _transcribe(model, {"test": [0], "canary": [0, 0], "own": []}) == {"test": ["sw"], "canary": ["en", "en"], "own": []}
    assert model.language == "sw"
