"""Which labelled set a session learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.audio import sound_files
from core.data.clips.labelled_set import Clip
from core.data.samples import SAMPLES
from core.errors import DatasetError
from demo.session import chosen_set
from demo.session.session import Session
from demo.wording import Wording

W = Wording("en")
SENTENCES = ("one red apple", "two green pears", "three ripe plums", "four sour grapes", "five small figs", "six big melons")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session")


def stored(session: Session, tmp_path: Path, name: str) -> str:
    rng = np.random.default_rng(0)
    clips = []
    for number, text in enumerate(SENTENCES):
        sound_files.write_flac(tmp_path / f"{number}.flac", rng.normal(0, 0.1, 8000).astype(np.float32))
        clips.append(Clip(str(tmp_path / f"{number}.flac"), text))
    return session.library.create(name, clips).stored.id


def test_a_set_of_the_library_is_chosen_like_a_sample_and_is_split(session: Session, tmp_path: Path) -> None:
    id = stored(session, tmp_path, "<Own> & more")
    assert [value for _, value in chosen_set.choices(session, W)] == [*SAMPLES, "own", id]
    chosen_set.choose(session, id)
    labelled = chosen_set.labelled_set(session)
    assert {clip.part for clip in labelled.clips} == {"train", "test"}
    assert sorted(clip.text for clip in labelled.clips) == sorted(SENTENCES)
    assert chosen_set.labelled_set(session) == labelled  # the same split every time
    assert "<Own> & more" in chosen_set.about(session, W)
    clip = labelled.clips[0]
    assert chosen_set.sound(session, clip) == f"/sound/set/{id}/{clip.id}"


def test_a_set_named_like_a_sample_is_still_the_library_s(session: Session, tmp_path: Path) -> None:
    chosen_set.choose(session, stored(session, tmp_path, "own"))
    assert chosen_set.about(session, W) == W("set.stored.about", name="own")


@pytest.mark.parametrize("name", ["", "nothing", "../recordings", "0123456789abcdef"])
def test_what_is_not_there_is_not_chosen(session: Session, name: str) -> None:
    with pytest.raises(DatasetError, match="no such set"):
        chosen_set.choose(session, name)
    assert session.choices.labelled_set == "accent"


def test_a_deleted_set_says_so(session: Session, tmp_path: Path) -> None:
    id = stored(session, tmp_path, "gone")
    chosen_set.choose(session, id)
    session.library.delete(id)
    with pytest.raises(DatasetError, match="no such set"):
        chosen_set.labelled_set(session)
