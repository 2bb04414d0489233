"""Corpora as they lie on disk, each in miniature, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.clips.labelled_set import Clip
from core.data.importers.any_format import detect, read
from core.data.importers.rows import Imported
from core.errors import DatasetError
from tests.core.data.recordings import kept, reasons, sound, text


def librispeech(root: Path) -> int:
    """Two subsets of LibriSpeech; returns how many rows there are."""
    for subset, speaker, chapter, said in (
        ("train-clean-100", "103", "1240", ["CHAPTER ONE", "MISSUS RACHEL"]),
        ("train-clean-100", "103", "1241", ["MATTHEW CUTHBERT"]),
        ("dev-clean", "84", "121123", ["GO DO YOU HEAR"]),
        ("test-other", "367", "130732", ["LOBSTERS AND LOBSTERS"]),
    ):
        folder = root / "LibriSpeech" / subset / speaker / chapter
        lines = []
        for i, words in enumerate(said):
            sound(folder / f"{speaker}-{chapter}-{i:04}.flac")
            lines.append(f"{speaker}-{chapter}-{i:04} {words}\n")
        text(folder / f"{speaker}-{chapter}.trans.txt", "".join(lines))
    text(root / "LibriSpeech" / "README.TXT", "About")
    text(root / "LibriSpeech" / "SPEAKERS.TXT", "103 | F | train-clean-100 | 25.17 | Somebody")
    return 5


CV = "client_id\tpath\tsentence_id\tsentence\tsentence_domain\tup_votes\tdown_votes\tage\tgender\taccents\tlocale\tsegment\n"


def voice(client: str, path: str, sentence: str, up: int | str = 2, down: int | str = 0) -> str:
    return f"{client}\t{path}\t9b3\t{sentence}\t\t{up}\t{down}\ttwenties\t\t\ten\t\n"


def common_voice(root: Path) -> int:
    folder = root / "cv-corpus-17.0-2024-03-15" / "en"
    rows = [voice(f"c{i}", f"common_voice_en_{i}.mp3", f"Sentence number {i}.") for i in range(6)]
    for i in range(9):
        sound(folder / "clips" / f"common_voice_en_{i}.mp3", rate=32_000)
    rows[1] = voice("c1", "common_voice_en_1.mp3", '"Hello" he said, "you.')
    text(folder / "train.tsv", CV + rows[0] + rows[1])
    text(folder / "dev.tsv", CV + rows[2])
    text(folder / "test.tsv", CV + rows[3])
    text(folder / "validated.tsv", CV + "".join(rows))
    text(folder / "other.tsv", CV + voice("c6", "common_voice_en_6.mp3", "Not voted on.", 0, 0))
    text(folder / "invalidated.tsv", CV + voice("c7", "common_voice_en_7.mp3", "Voted down.", 0, 2))
    text(folder / "validated_sentences.tsv", "sentence_id\tsentence\n9b3\tSentence number 1.\n")
    return 6


def kaldi(root: Path) -> int:
    for part, speakers in (("train", "ab"), ("dev", "c"), ("test", "d")):
        folder = root / "data" / part
        for speaker in speakers:
            sound(root / "audio" / f"{speaker}1.wav")
        text(folder / "wav.scp", "".join(f"{s}-1 audio/{s}1.wav\n" for s in speakers))
        text(folder / "text", "".join(f"{s}-1 SAID BY {s}\n" for s in speakers))
        text(folder / "utt2spk", "".join(f"{s}-1 {s}\n" for s in speakers))
        text(folder / "spk2utt", "".join(f"{s} {s}-1\n" for s in speakers))
    return 4


def aishell(root: Path) -> int:
    folder = root / "data_aishell"
    lines = []
    for part, speaker in (("train", "S0002"), ("dev", "S0724"), ("test", "S0764")):
        sound(folder / "wav" / part / speaker / f"BAC009{speaker}W0122.wav")
        lines.append(f"BAC009{speaker}W0122 而 对 楼市 成交 抑制 作用 最 大 的 限 购\n")
    text(folder / "transcript" / "aishell_transcript_v0.8.txt", "".join(lines))
    return 3


def speech_commands(root: Path) -> int:
    folder = root / "SpeechCommands" / "speech_commands_v0.02"
    for word in ("yes", "no"):
        for speaker in ("0a7c2a8d", "1b63157b"):
            for take in range(2):
                sound(folder / word / f"{speaker}_nohash_{take}.wav")
    sound(folder / "_background_noise_" / "running_tap.wav")
    text(folder / "validation_list.txt", "yes/0a7c2a8d_nohash_0.wav\nyes/0a7c2a8d_nohash_1.wav\n")
    text(folder / "testing_list.txt", "no/0a7c2a8d_nohash_0.wav\n")
    text(folder / "README.md", "About")
    text(root / "speech_commands_v0.02.tar.gz", b"not looked into")
    return 8


def text_files(root: Path) -> int:
    for name in ("a", "b", "c"):
        sound(root / "session" / f"{name}.WAV")
        text(root / "session" / f"{name}.txt", f"Said in {name}\n".encode("utf-16" if name == "b" else "utf-8"))
    return 3


def audiofolder(root: Path) -> int:
    for part in ("train", "validation", "test"):
        sound(root / part / "one.flac")
        sound(root / part / "more" / "two.flac")
        rows = [
            ("file_name", "transcription", "speaker_id"),
            ("one.flac", f"One of {part}", "7"),
            ("more/two.flac", "Two, too", "8"),
        ]
        text(root / part / "metadata.csv", "".join(f'{name},"{words}",{speaker}\n' for name, words, speaker in rows))
    return 6


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            librispeech,
            [
                ("84-121123-0000.flac", "GO DO YOU HEAR", "84", "validation"),
                ("367-130732-0000.flac", "LOBSTERS AND LOBSTERS", "367", "test"),
                ("103-1240-0000.flac", "CHAPTER ONE", "103", "train"),
                ("103-1240-0001.flac", "MISSUS RACHEL", "103", "train"),
                ("103-1241-0000.flac", "MATTHEW CUTHBERT", "103", "train"),
            ],
        ),
        (
            common_voice,
            [
                ("common_voice_en_0.mp3", "Sentence number 0.", "c0", "train"),
                ("common_voice_en_1.mp3", '"Hello" he said, "you.', "c1", "train"),
                ("common_voice_en_2.mp3", "Sentence number 2.", "c2", "validation"),
                ("common_voice_en_3.mp3", "Sentence number 3.", "c3", "test"),
                ("common_voice_en_4.mp3", "Sentence number 4.", "c4", ""),
                ("common_voice_en_5.mp3", "Sentence number 5.", "c5", ""),
            ],
        ),
        (
            kaldi,
            [
                ("c1.wav", "SAID BY c", "c", "validation"),
                ("d1.wav", "SAID BY d", "d", "test"),
                ("a1.wav", "SAID BY a", "a", "train"),
                ("b1.wav", "SAID BY b", "b", "train"),
            ],
        ),
        (
            aishell,
            [
                ("BAC009S0724W0122.wav", "而对楼市成交抑制作用最大的限购", "S0724", "validation"),
                ("BAC009S0764W0122.wav", "而对楼市成交抑制作用最大的限购", "S0764", "test"),
                ("BAC009S0002W0122.wav", "而对楼市成交抑制作用最大的限购", "S0002", "train"),
            ],
        ),
        (
            speech_commands,
            [
                ("0a7c2a8d_nohash_0.wav", "no", "0a7c2a8d", "test"),
                ("0a7c2a8d_nohash_1.wav", "no", "0a7c2a8d", "train"),
                ("1b63157b_nohash_0.wav", "no", "1b63157b", "train"),
                ("1b63157b_nohash_1.wav", "no", "1b63157b", "train"),
                ("0a7c2a8d_nohash_0.wav", "yes", "0a7c2a8d", "validation"),
                ("0a7c2a8d_nohash_1.wav", "yes", "0a7c2a8d", "validation"),
                ("1b63157b_nohash_0.wav", "yes", "1b63157b", "train"),
                ("1b63157b_nohash_1.wav", "yes", "1b63157b", "train"),
            ],
        ),
        (text_files, [(f"{name}.WAV", f"Said in {name}", "", "") for name in "abc"]),
        (
            audiofolder,
            [
                row
                for part in ("test", "train", "validation")
                for row in (("one.flac", f"One of {part}", "7", part), ("two.flac", "Two, too", "8", part))
            ],
        ),
    ],
)
def test_a_corpus_as_it_is_published(tmp_path: Path, make, expected: list[tuple[str, str, str, str]]) -> None:
    rows = make(tmp_path)
    assert detect(tmp_path) == make.__name__
    imported = read(tmp_path, language="zh" if make is aishell else "en")
    assert imported.format == make.__name__
    assert imported.dropped == ()
    assert kept(imported) == expected
    assert len(imported.clips) == rows
    for clip in imported.clips:
        assert Path(clip.path).is_absolute()
        assert Path(clip.path).is_file()


@pytest.mark.parametrize("make", [librispeech, common_voice, kaldi, aishell, speech_commands, text_files, audiofolder])
def test_every_sound_of_a_corpus_is_looked_at(tmp_path: Path, make) -> None:
    rows = make(tmp_path)
    first, second, *others = read(tmp_path, language="zh").clips
    Path(first.path).write_bytes(b"")
    Path(second.path).unlink()
    imported = read(tmp_path, language="zh")
    assert list(imported.clips) == others
    # Of Speech Commands, a take that is gone and on neither list leaves no trace.
    gone = {} if make is speech_commands else {"row_no_sound": 1}
    assert reasons(imported) == {"audio_empty": 1, **gone}
    assert len(imported.clips) + len(imported.dropped) == rows - (not gone)


def only(imported: Imported) -> Clip:
    (clip,) = imported.clips
    return clip


def test_one_subset_of_librispeech_is_no_split(tmp_path: Path) -> None:
    librispeech(tmp_path)
    for place in ("train-clean-100", "train-clean-100/103", "train-clean-100/103/1240"):
        imported = read(tmp_path / "LibriSpeech" / place)
        assert imported.format == "librispeech"
        assert {(clip.speaker, clip.part) for clip in imported.clips} == {("103", "")}


def test_a_damaged_librispeech(tmp_path: Path) -> None:
    folder = tmp_path / "test-clean" / "7" / "9"
    sound(folder / "7-9-0000.flac")
    sound(folder / "7-9-0001.wav")
    sound(folder / "7-9-0009.flac")
    sound(folder / "forgotten" / "7-9-0010.flac")
    text(
        folder / "7-9.trans.txt", "7-9-0000 ONE\n7-9-0001 TWO\n7-9-0000 ONE AGAIN\n7-9-0002 GONE\n7-9-0003\n\n../../../x OUT\n"
    )
    text(tmp_path / "test-clean" / "8" / "1" / "8-1.trans.txt", "8-1-0000 GĘŚLĄ JAŹŃ\n".encode("cp1250"))
    imported = read(tmp_path)
    assert kept(imported) == [("7-9-0000.flac", "ONE", "7", ""), ("7-9-0001.wav", "TWO", "7", "")]
    assert reasons(imported) == {"row_duplicate": 1, "row_no_sound": 2, "text_empty": 1, "row_no_text": 2, "text_encoding": 1}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (voice("a", "0.mp3", "Good", 3, 2), {}),
        (voice("a", "0.mp3", "Good", "", ""), {}),
        (voice("a", "0", "Good"), {}),
        (voice("a", "0.mp3", "Good", 2, 2), {"row_votes": 1}),
        (voice("a", "0.mp3", "Good", 1, 2), {"row_votes": 1}),
        (voice("a", "gone.mp3", "Good"), {"row_no_sound": 1}),
        (voice("a", "0.mp3", ""), {"text_empty": 1}),
        (voice("a", "0.mp3", "Good") + voice("a", "0.mp3", "Twice"), {"row_duplicate": 1}),
        (voice("a", "0.mp3", "Good") + voice("b", "head.mp3", "Damaged"), {"audio_unreadable": 1}),
    ],
)
def test_a_damaged_common_voice(tmp_path: Path, rows: str, expected: dict[str, int]) -> None:
    sound(tmp_path / "clips" / "0.mp3")
    text(tmp_path / "clips" / "head.mp3", b"ID3")
    text(tmp_path / "train.tsv", CV + rows)
    imported = read(tmp_path)
    assert reasons(imported) == expected
    assert len(imported.clips) + len(imported.dropped) == rows.count("\n")
    for clip in imported.clips:
        assert (Path(clip.path).name, clip.text, clip.part) == ("0.mp3", "Good", "train")


def test_a_common_voice_without_its_column(tmp_path: Path) -> None:
    sound(tmp_path / "clips" / "0.mp3")
    text(tmp_path / "test.tsv", "client_id\tpath\twords\na\t0.mp3\tGood\n")
    with pytest.raises(DatasetError, match=r"test.tsv needs a column for text"):
        read(tmp_path)
    assert only(read(tmp_path, columns={"text": "words"})).text == "Good"


def test_several_sets_are_not_chosen_from(tmp_path: Path) -> None:
    for language in ("en", "fr"):
        sound(tmp_path / language / "clips" / "0.mp3")
        text(tmp_path / language / "test.tsv", CV + voice("a", "0.mp3", "Good"))
    with pytest.raises(DatasetError, match="contains several sets: en, fr") as caught:
        detect(tmp_path)
    assert caught.value.reason == "format_several"
    assert detect(tmp_path / "fr") == "common_voice"


def test_kaldi_segments_are_cut(tmp_path: Path) -> None:
    sound(tmp_path / "call.wav", 3.0, rate=8_000, channels=2)
    text(tmp_path / "wav.scp", "call call.wav\nunused call2.wav\n")
    good = ["u1 call 0.5 1.5", "u2 call 2.0 -1", "u3 call 0 -1"]
    bad = ["u4 call two three", "u5 call 2.5", "u6 call 2 9", "u7 gone 0 1", "u9 call 0 1"]
    text(tmp_path / "segments", "\n".join(good + bad))
    text(tmp_path / "text", "".join(f"u{i} SEGMENT {i}\n" for i in range(1, 9)) + "u1 AGAIN\n")
    text(tmp_path / "utt2spk", "u1 Ada\n")
    imported = read(tmp_path, work=tmp_path / "work")
    assert [(clip.text, clip.speaker) for clip in imported.clips] == [
        ("SEGMENT 1", "Ada"),
        ("SEGMENT 2", ""),
        ("SEGMENT 3", ""),
    ]
    assert reasons(imported) == {
        "row_times": 2, "audio_no_such_part": 1, "row_no_sound": 2, "row_duplicate": 1, "row_no_text": 1,
    }  # fmt: skip
    assert Path(imported.clips[2].path) == tmp_path / "call.wav"


def test_a_command_of_kaldi_is_never_run(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    text(tmp_path / "wav.scp", f"u1 touch {tmp_path}/ran && cat a.wav |\nu2 a.wav\nu3 touch {tmp_path}/ran |  \nu4 a.ark:12\n")
    text(tmp_path / "text", "u1 one\nu2 two\nu3 three\nu4 four\nu5\n")
    imported = read(tmp_path)
    assert kept(imported) == [("a.wav", "two", "", "")]
    assert reasons(imported) == {"row_command": 2, "row_no_sound": 2}
    assert not (tmp_path / "ran").exists()
    assert "a command to run, and none is" in imported.dropped[0].message


def test_an_id_of_kaldi_with_two_sounds_is_dropped(tmp_path: Path) -> None:
    for name in "ab":
        sound(tmp_path / f"{name}.wav", 2.0)
    text(tmp_path / "wav.scp", "u1 a.wav\nu1 b.wav\nu2 b.wav\nu2 b.wav\n")
    text(tmp_path / "text", "u1 one\nu2 two\n")
    imported = read(tmp_path)
    assert (kept(imported), reasons(imported)) == ([("b.wav", "two", "", "")], {"row_duplicate": 1})
    text(tmp_path / "segments", "u1 u2 0 1\nu1 u2 1 2\nu2 u2 0 1\n")
    imported = read(tmp_path, work=tmp_path / "work")
    assert ([clip.text for clip in imported.clips], reasons(imported)) == (["two"], {"row_duplicate": 1})


def test_a_damaged_aishell(tmp_path: Path) -> None:
    aishell(tmp_path)
    folder = tmp_path / "data_aishell"
    transcript = folder / "transcript" / "aishell_transcript_v0.8.txt"
    sound(folder / "wav" / "train" / "S0002" / "unwritten.wav")
    text(transcript, transcript.read_bytes() + "BAC009S0002W0122 又 一次\ngone 不 见 了\n\n".encode())
    imported = read(tmp_path, language="zh")
    assert len(imported.clips) == 3
    assert reasons(imported) == {"row_duplicate": 1, "row_no_text": 1, "row_no_sound": 1}


def test_speech_commands_listed_but_not_there(tmp_path: Path) -> None:
    sound(tmp_path / "yes" / "0a7c2a8d_nohash_0.wav")
    sound(tmp_path / "yes" / "mine.wav")
    text(tmp_path / "testing_list.txt", "yes/0a7c2a8d_nohash_0.wav\nyes/gone.wav\n")
    imported = read(tmp_path)
    assert kept(imported) == [("0a7c2a8d_nohash_0.wav", "yes", "0a7c2a8d", "test"), ("mine.wav", "yes", "", "train")]
    assert reasons(imported) == {"row_no_sound": 1}


def test_sounds_and_texts_that_do_not_match(tmp_path: Path) -> None:
    for name in ("a.wav", "a.flac", "b.wav", "c.wav", "d.wav", "e.wav", ".hidden.wav", "._a.wav"):
        sound(tmp_path / name) if not name.startswith("._") else text(tmp_path / name, "x")
    text(tmp_path / "a.txt", "Hello\n  there ")
    text(tmp_path / "b.txt", "")
    text(tmp_path / "c.txt", "Привет".encode("cp1251"))
    text(tmp_path / "d.txt", "word " * 10_000)
    text(tmp_path / "README.txt", "About")
    text(tmp_path / "notes.pdf", "%PDF")
    imported = read(tmp_path)
    assert kept(imported) == [("a.flac", "Hello there", "", "")]
    assert reasons(imported) == {
        "row_duplicate": 1, "text_empty": 1, "text_encoding": 1, "transcript_too_long": 1, "row_no_text": 1, "row_no_sound": 1,
    }  # fmt: skip


def test_an_audiofolder_in_one_piece(tmp_path: Path) -> None:
    sound(tmp_path / "data" / "one.flac")
    row = '{"file_name": "data/one.flac", "text": "One", "speaker": "", "part": "test"}\n'
    text(tmp_path / "metadata.jsonl", row + row.replace("one", "two"))
    imported = read(tmp_path)
    assert imported.format == "audiofolder"
    assert kept(imported) == [("one.flac", "One", "", "test")]
    assert reasons(imported) == {"row_no_sound": 1}
