"""Reading labelled sets, and putting their parts together."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.data.clips.labelled_set import PARTS, LabelledSet
from core.data.importers.any_format import gather
from core.data.importers.tables.csv import read_csv
from core.data.samples import CANARY, REPLAY, SAMPLES, read_sample, samples_folder
from core.errors import DatasetError
from core.text.scoring import MAX_TEXT_CHARACTERS, normalise


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """A folder with files that a CSV may list; their content is not read."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    for name in ("a.wav", "b.wav", "ü 好.wav"):
        (folder / name).touch()
    return folder


def listed(folder: Path, content: str | bytes, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        "path,text\na.wav,Hello there\nb.wav,Good day\n",
        "\ufeffpath,text\na.wav,Hello there\nb.wav,Good day\n",
        "path,text\r\na.wav,Hello there\r\nb.wav,Good day",
        "text,path\nHello there,a.wav\nGood day,b.wav\n",
        " Path , TEXT \n a.wav ,  Hello   there \nb.wav,Good day\n",
        "id,path,seconds,text,note\n1,a.wav,2.5,Hello there,x\n2,b.wav,1.5,Good day,\n",
        "path,text\na.wav,Hello there,\nb.wav,Good day,,\n",
        "path,speaker,text\na.wav,,Hello there\nb.wav,,Good day\n",
        'path,text\n"a.wav","Hello\nthere"\n"b.wav",Good day\n',
        "path,text\n\na.wav,Hello there\n\nb.wav,Good day\n\n",
        "path,text\n../sounds/a.wav,Hello there\n./b.wav,Good day\n",
        "path,text,speaker,part\na.wav,Hello there,,\nb.wav,Good day,,\n",
    ],
)
def test_csv_in_its_many_forms(sounds: Path, content: str) -> None:
    clips = read_csv(listed(sounds, content))
    assert [(clip.path, clip.text) for clip in clips] == [
        (str(sounds / "a.wav"), "Hello there"),
        (str(sounds / "b.wav"), "Good day"),
    ]
    assert all(clip.speaker == clip.part == "" for clip in clips)


def test_csv_paths_may_be_absolute(sounds: Path, tmp_path: Path) -> None:
    path = listed(tmp_path, f"path,text\n{sounds / 'a.wav'},Hello\nsounds/b.wav,Good day\n")
    assert [clip.path for clip in read_csv(path)] == [str(sounds / "a.wav"), str(sounds / "b.wav")]


def test_csv_keeps_commas_quotes_speakers_and_parts(sounds: Path) -> None:
    content = 'path,text,speaker,part\na.wav,"Hello, ""you""", Ada ,test\nü 好.wav,Größe,Bob, train\n'
    first, second = read_csv(listed(sounds, content), "de")
    assert (first.text, first.speaker, first.part) == ('Hello, "you"', "Ada", "test")
    assert (Path(second.path).name, second.text, second.speaker, second.part) == ("ü 好.wav", "Größe", "Bob", "train")


@pytest.mark.parametrize(
    ("content", "reason", "message"),
    [
        ("", "csv_columns", "list.csv needs the columns path and text.*none"),
        ("\n\n", "csv_columns", "list.csv needs the columns"),
        ("path,sentence\na.wav,Hello\n", "csv_columns", "it has: path, sentence"),
        ("path;text\na.wav;Hello\n", "csv_columns", "it has: path;text"),
        ("a.wav,Hello\nb.wav,Good day\n", "csv_columns", "it has: a.wav, hello"),
        ("path,text\n", "csv_no_rows", "list.csv lists no clips"),
        ("path,text\n\n\n", "csv_no_rows", "list.csv lists no clips"),
        ("path,text\na.wav,Hello\ngone.wav,Good day\n", "csv_no_sound", "list.csv, line 3: there is no sound file .*gone.wav"),
        ("path,text\n,Hello\n", "csv_no_sound", "list.csv, line 2"),
        ("path,text\n.,Hello\n", "csv_no_sound", "list.csv, line 2"),
        ("path,text\n" + "long" * 100 + ".wav,Hello\n", "csv_no_sound", "list.csv, line 2"),
        ('path,text\na.wav,Hello\n"b.wav,Good day\n' + "a.wav,And so on\n" * 40, "csv_no_sound", "list.csv, line"),
        ("path,text\na.wav,Hello\nb.wav,\n", "text_empty", "list.csv, line 3 has no words"),
        ("path,text\na.wav\n", "text_empty", "list.csv, line 2 has no words"),
        (f"path,text\na.wav,{'a' * (MAX_TEXT_CHARACTERS + 1)}\n", "transcript_too_long", "list.csv, line 2 has 2001"),
        ("path,text\na.wav,Hello\nb.wav,Well, that is it\n", "row_fields", "list.csv, line 3: 3 fields for 2 columns"),
        ("path,text,note\na.wav,Hello\nb.wav,Well, that is it\n", "row_moved", "list.csv, line 3: 'that is it', which follows"),
        ("path,text,speaker\na.wav,Hello,Ada\nb.wav,Well,that is what it is.\n", "row_moved", "line 3: 'that is what it is.'"),
        ("path,text\na.wav,Hello\nb.wav,nan\n", "row_text_missing", "list.csv, line 3: 'nan' is what programs write"),
        ("path,text,part\na.wav,Hello,test\nb.wav,Good day,dev\n", "csv_part", "list.csv, line 3: .*not 'dev'"),
        ("path,text,part\na.wav,Hello,Train\n", "csv_part", "list.csv, line 2: .*not 'Train'"),
        ("path,text\na.wav,Größe\n".encode("latin-1"), "csv_unreadable", "list.csv is not a CSV file in UTF-8"),
        ("path,text\na.wav,Hello\n".encode("utf-16"), "csv_unreadable", "list.csv is not a CSV file in UTF-8"),
        (b"path,text\na.wav," + b"a" * 200_000 + b"\n", "csv_unreadable", "list.csv is not a CSV file"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\xff\xfe" * 30, "csv_unreadable", "list.csv is not a CSV file in UTF-8"),
    ],
)
def test_csv_errors_name_the_line(sounds: Path, content: str | bytes, reason: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        read_csv(listed(sounds, content), "sw")
    assert caught.value.reason == reason


def test_a_noise_alone_is_listed_and_trained_on_by_none(sounds: Path) -> None:
    """A run leaves it out and says so; a row without any text is more likely a mistake."""
    clips = read_csv(listed(sounds, "path,text\na.wav,Hello\nb.wav,[noise]\nü 好.wav,?!\n"))
    assert [clip.text for clip in clips] == ["Hello", "[noise]", "?!"]


@pytest.mark.parametrize("name", ["gone.csv", ".", ""])
def test_a_missing_csv_is_refused(sounds: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="no sample set of that name") as caught:
        read_csv(sounds / name)
    assert caught.value.reason == "csv_missing"


def test_a_csv_of_endless_lines_is_refused(sounds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = listed(sounds, "path,text\n" + "a.wav,Hello\n" * 3)
    module = importlib.import_module("core.data.importers.tables.csv")
    monkeypatch.setattr(module, "MAX_ROWS", 4)
    assert len(read_csv(path)) == 3
    monkeypatch.setattr(module, "MAX_ROWS", 3)
    with pytest.raises(DatasetError, match="list.csv has over 3 lines") as caught:
        read_csv(path)
    assert caught.value.reason == "csv_too_many"


def sheet(folder: Path, name: str, count: int, parts: Sequence[str] = ("",), first: int = 0) -> str:
    """Writes NAME.csv with `count` clips of different sentences, whose parts go round; returns its path."""
    rows = ["path,text,speaker,part"]
    for i in range(count):
        (folder / f"{name}-{i}.wav").write_text(f"{name}-{i}")
        rows.append(f"{name}-{i}.wav,satz nummer {first + i},{name},{parts[i % len(parts)]}")
    return str(listed(folder, "\n".join(rows), f"{name}.csv"))


def sources(labelled: LabelledSet, part: str) -> Counter[str]:
    """How many clips of a part come from which sheet, or from which sample set's part."""
    return Counter(Path(clip.path).name.split("-")[0] for clip in labelled.part(part))


def assert_sound(labelled: LabelledSet) -> None:
    """Every clip is in one part, and no recording or sentence stands on two sides."""
    assert all(clip.part in PARTS for clip in labelled.clips)
    assert labelled.part("train")
    assert len({clip.path for clip in labelled.clips}) == len(labelled.clips)
    trained = {normalise(clip.text, labelled.language) for clip in labelled.part("train")}
    assert not trained & {normalise(c.text, labelled.language) for c in labelled.clips if c.part != "train"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("T",), {"train": {"T": 12}, "validation": {}, "test": {"T": 8}}),
        (("T", "V"), {"train": {"T": 12}, "validation": {"V": 5}, "test": {"T": 8}}),
        (("T", None, "T2"), {"train": {"T": 20}, "validation": {}, "test": {"T2": 6}}),
        (("T", "V", "T2"), {"train": {"T": 20}, "validation": {"V": 5}, "test": {"T2": 6}}),
        (("S",), {"train": {"S": 10}, "validation": {"S": 5}, "test": {"S": 5}}),
        (("S", "V"), {"train": {"S": 10}, "validation": {"V": 5}, "test": {"S": 5}}),
        (("S", None, "T2"), {"train": {"S": 10}, "validation": {"S": 5}, "test": {"T2": 6}}),
        (("S", "V", "T2"), {"train": {"S": 10}, "validation": {"V": 5}, "test": {"T2": 6}}),
        (("T", "V", "S"), {"train": {"T": 20}, "validation": {"V": 5}, "test": {"S": 20}}),
    ],
)
def test_gather(tmp_path: Path, given: tuple[str | None, ...], expected: dict[str, dict[str, int]], seed: int) -> None:
    made = {
        "T": sheet(tmp_path, "T", 20),
        "V": sheet(tmp_path, "V", 5, first=100),
        "T2": sheet(tmp_path, "T2", 6, first=200),
        "S": sheet(tmp_path, "S", 20, ("train", "validation", "train", "test"), first=300),
    }
    labelled = gather(*(name and made[name] for name in given), language="de", seed=seed)
    assert {part: dict(sources(labelled, part)) for part in PARTS} == expected
    assert_sound(labelled)
    assert (labelled.name, labelled.language, labelled.synthetic) == (given[0], "de", False)


@pytest.mark.parametrize("seed", range(3))
def test_gather_with_a_part_for_some_rows_only(tmp_path: Path, seed: int) -> None:
    labelled = gather(sheet(tmp_path, "T", 20, ("test", "", "", "", "")), language="de", seed=seed)
    assert {part: len(labelled.part(part)) for part in PARTS} == {"train": 16, "validation": 0, "test": 4}
    assert_sound(labelled)


def test_gather_repeats_the_split_of_its_seed(tmp_path: Path) -> None:
    path = sheet(tmp_path, "T", 20)
    assert gather(path, language="de", seed=1) == gather(path, language="de", seed=1)
    assert gather(path, language="de", seed=1) != gather(path, language="de", seed=2)


@pytest.mark.parametrize("shared", [3, 8])
def test_gather_gives_every_clip_a_part_where_train_and_test_share_sentences(tmp_path: Path, shared: int) -> None:
    labelled = gather(sheet(tmp_path, "T", 8), test=sheet(tmp_path, "T2", shared), language="de")
    assert len(labelled.clips) == 8 + shared
    assert all(clip.part in PARTS for clip in labelled.clips)
    assert labelled.part("train")
    assert dict(sources(labelled, "test")) == {"T2": shared}


def test_gather_keeps_a_recording_listed_twice_on_one_side(tmp_path: Path) -> None:
    path = Path(sheet(tmp_path, "T", 10))
    rows = path.read_text().splitlines()
    listed(tmp_path, "\n".join([*rows, *rows[1:]]), "T.csv")
    for seed in range(5):
        labelled = gather(str(path), language="de", seed=seed)
        assert not {c.path for c in labelled.part("train")} & {c.path for c in labelled.clips if c.part != "train"}


@pytest.mark.parametrize("name", SAMPLES)
def test_gather_takes_a_sample_set_as_it_is(name: str) -> None:
    labelled, sample = gather(name), read_sample(name)
    assert sorted(labelled.clips, key=str) == sorted(sample.clips, key=str)
    assert (labelled.name, labelled.language, labelled.synthetic) == (name, sample.language, True)
    assert_sound(labelled)


@pytest.mark.parametrize("held_out", [{"test": "noise"}, {"validation": "noise"}, {"validation": "noise", "test": "noise"}])
def test_gather_takes_of_a_sample_set_the_part_that_is_asked_for(tmp_path: Path, held_out: dict[str, str]) -> None:
    noise = read_sample("noise")
    for train in ("noise", "accent", sheet(tmp_path, "T", 20)):
        labelled = gather(train, **held_out)
        for part in held_out:
            assert sorted(labelled.part(part), key=str) == sorted(noise.part(part), key=str)
        assert_sound(labelled)


def test_gather_with_a_sample_set_scored_on_a_csv(tmp_path: Path) -> None:
    labelled = gather("language", test=sheet(tmp_path, "T2", 6))
    assert dict(sources(labelled, "test")) == {"T2": 6}
    assert dict(sources(labelled, "train")) == {"train": 36}
    assert labelled.language == "sw"
    assert_sound(labelled)


@pytest.mark.parametrize(
    ("train", "test", "reason"),
    [("nothing", None, "csv_missing"), ("accent", "nothing", "csv_missing"), (CANARY, None, "csv_missing")],
)
def test_gather_refuses_what_is_not_there(train: str, test: str | None, reason: str) -> None:
    with pytest.raises(DatasetError, match="no sample set of that name") as caught:
        gather(train, test=test)
    assert caught.value.reason == reason


def test_gather_refuses_too_little(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="2 different sentences") as caught:
        gather(sheet(tmp_path, "T", 2))
    assert caught.value.reason == "too_few_sentences"


@pytest.mark.parametrize("name", ["nothing", "", ".", "..", "../samples/accent", "Accent"])
def test_an_unknown_sample_set_is_refused(name: str) -> None:
    with pytest.raises(DatasetError, match="There are: accent, noise, language") as caught:
        read_sample(name)
    assert caught.value.reason == "no_sample"


def test_the_sample_sets_lie_where_they_are_read() -> None:
    assert {folder.name for folder in samples_folder().iterdir() if folder.is_dir()} == {*SAMPLES, CANARY, REPLAY}
