"""Who teaches the small networks, who fine-tunes them and who judges them: real speech, parted by speakers.

    python -m tests.bench.thirds DATA OUT

writes OUT/pretrain.csv (path,text,speaker), which `attune pretrain --data` takes, and OUT/finetune.csv, OUT/judge.csv and
OUT/canary.csv. DATA holds l2_english and librispeech_mini. Of 30 learners of English, ten are in each of the first three; of
LibriSpeech's 120 speakers, 80 are in the first and 40 in the last. The networks that come with Attune have heard the clips
of pretrain.csv and none of the others.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

from core.data.clips.labelled_set import Clip
from tests.bench.sweep import read

PARTS = ("pretrain", "finetune", "judge", "canary")


def thirds(data: Path) -> dict[str, list[Clip]]:
    """Returns the clips of each of `PARTS`, texts in lower case."""
    learners, readers = (_by_third(read(data / name)) for name in ("l2_english", "librispeech_mini"))
    parts = (learners[0] + readers[0] + readers[1], learners[1], learners[2], readers[2])
    return dict(zip(PARTS, parts, strict=True))


def _by_third(clips: Sequence[Clip]) -> list[list[Clip]]:
    """Parts clips by speakers, who take turns in the order of their names."""
    turn = {speaker: i % 3 for i, speaker in enumerate(sorted({clip.speaker for clip in clips}))}
    return [[Clip(c.path, c.text.lower(), c.speaker) for c in clips if turn[c.speaker] == third] for third in range(3)]


def main() -> None:
    """Writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, clips in thirds(options.data.resolve()).items():
        with (options.out / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("path", "text", "speaker"))
            table.writerows((clip.path, clip.text, clip.speaker) for clip in clips)


if __name__ == "__main__":
    main()
