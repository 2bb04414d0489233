"""Makes the sample sets in assets/samples from free speech synthesisers.

Needs espeak-ng, flite and festival with its slt and ked voices; on Debian: apt install espeak-ng flite festival
festvox-us-slt-hts festvox-kdlpc16k. Run `python assets/make_samples.py`, or name the sets to make after it; the same
versions of the synthesisers give the same sets.
Sentences come from small grammars written for Attune; no sentence stands in two parts of a set.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from scipy.signal import butter, sosfilt

SAMPLE_RATE = 16_000
PARTS = {"train": 36, "validation": 6, "test": 14}  # clips
CLIPS = sum(PARTS.values())
NOISE_SNR_DB = 11
SAMPLES = Path(__file__).parent / "samples"

# An accent by rule: what a speaker whose first language has none of these sounds may say instead. Left: espeak-ng's
# phoneme names for American English; right: what is spoken. Applied in this order to one word at a time.
ACCENT = (
    (r"T", "s"),  # think -> sink
    (r"D", "z"),  # this -> zis
    (r"w", "v"),  # weather -> veather
    (r"(dZ|J)", "tS"),  # jacket -> chacket
    (r"i:", "I"),  # sheep -> ship
    (r"u:", "U"),  # fool -> full
    (r"b$", "p"),  # rub -> rup
    (r"d$", "t"),  # bad -> bat
    (r"g$", "k"),  # bag -> back
    (r"z$", "s"),  # eyes -> ice
    (r"v$", "f"),  # live -> life
)


@dataclass(frozen=True)
class Voice:
    """A synthetic speaker: its name, and how it says a text into a wav file."""

    name: str
    say: Callable[[str, Path], None]


def _run(command: Sequence[str], text: str = "") -> str:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def espeak(voice: str, rate: int = 150, pitch: int = 50) -> Voice:
    """An espeak-ng voice; rate in words a minute."""
    return Voice(
        f"espeak-{voice}-{pitch}",
        lambda text, wav: _run(["espeak-ng", "-v", voice, "-s", str(rate), "-p", str(pitch), "-w", str(wav), text]) and None,
    )


def accented(voice: str, rate: int, pitch: int) -> Voice:
    """An espeak-ng voice that speaks English through the ACCENT rules."""

    def say(text: str, wav: Path) -> None:
        words = _run(["espeak-ng", "-q", "-x", "-v", "en-us", text]).split()
        for pattern, spoken in ACCENT:
            words = [re.sub(pattern, spoken, word) for word in words]
        _run(["espeak-ng", "-v", voice, "-s", str(rate), "-p", str(pitch), "-w", str(wav), f"[[{' '.join(words)}]]"])

    return Voice(f"accent-{voice}-{pitch}", say)


def flite(voice: str) -> Voice:
    """A flite voice."""
    return Voice(f"flite-{voice}", lambda text, wav: _run(["flite", "-voice", voice, "-t", text, "-o", str(wav)]) and None)


def festival(voice: str) -> Voice:
    """A festival voice."""
    return Voice(
        f"festival-{voice}", lambda text, wav: _run(["text2wave", "-eval", f"(voice_{voice})", "-o", str(wav)], text) and None
    )


def speak(voice: Voice, text: str) -> np.ndarray:
    """Returns float32 [samples] at 16 kHz, with 0.15 s of quiet around the speech, at -26 dBFS."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "spoken.wav"
        voice.say(text, wav)
        wave, rate = soundfile.read(wav, dtype="float32")
    wave = soxr.resample(wave, rate, SAMPLE_RATE)
    loud = np.flatnonzero(np.abs(wave) > 0.01 * np.abs(wave).max())
    wave = wave[loud[0] : loud[-1] + 1]
    quiet = np.zeros(int(0.15 * SAMPLE_RATE), np.float32)
    return np.concatenate([quiet, wave * (10 ** (-26 / 20) / np.sqrt(np.mean(wave**2))), quiet]).astype(np.float32)


def sentences(slots: Sequence[Sequence[str]], count: int, seed: int) -> list[str]:
    """Draws different sentences, one choice a slot, so that every choice of a slot comes up about equally often."""
    rng = np.random.default_rng(seed)
    drawn: list[str] = []
    decks: list[list[str]] = [[] for _ in slots]
    while len(drawn) < count:
        words = []
        for deck, slot in zip(decks, slots, strict=True):
            if not deck:
                deck.extend(slot[i] for i in rng.permutation(len(slot)))
            words.append(deck.pop())
        sentence = " ".join(word for word in words if word)
        sentence = sentence[0].upper() + sentence[1:] + "."
        if sentence not in drawn:
            drawn.append(sentence)
    return drawn


ACCENT_SLOTS = (
    ("my brother", "our teacher", "the young doctor", "her mother", "the driver", "his neighbour", "the old farmer"),
    ("found", "wanted", "forgot", "washed", "borrowed", "described", "brought"),
    (
        "the three yellow cups",
        "a very heavy jacket",
        "the thin leather wallet",
        "five wooden chairs",
        "a large blue bag",
        "those white feathers",
        "the other newspaper",
        "some warm bread",
    ),
    (
        "on Thursday evening",
        "in the village",
        "behind the garage",
        "every winter morning",
        "near the river",
        "with both hands",
        "at the theatre",
    ),
)

NOISE_SLOTS = (
    ("the train to", "the night bus to", "the early flight to", "the last ferry to"),
    ("Bristol", "Amsterdam", "Montreal", "Cairo", "Dublin", "Singapore", "Helsinki"),
    ("leaves from", "is now boarding at", "has been moved to", "is delayed at"),
    ("platform nine", "gate twelve", "platform four", "gate seven", "pier thirty", "platform two"),
    (
        "in ten minutes",
        "at half past eight",
        "because of heavy rain",
        "until further notice",
        "with free seats left",
        "at noon",
    ),
)

SWAHILI_SLOTS = (
    ("mtoto", "mwalimu", "mama", "baba", "daktari", "mkulima", "dada", "mgeni"),
    ("|na|kula samaki", "|na|pika wali", "|na|nunua mkate", "|na|soma kitabu", "|na|uza matunda", "|na|leta maji",
     "|na|andika barua", "|na|fungua mlango"),
    ("sokoni", "nyumbani", "mjini", "shuleni", "shambani", "jikoni"),
    ("leo asubuhi", "kila siku", "jana usiku", "kesho jioni", "sasa hivi"),
)  # fmt: skip

GENERAL = (
    "She closed the window before the storm began.",
    "Most of the students finished the exercise early.",
    "A small boat drifted slowly across the lake.",
    "He could not remember where he had parked the car.",
    "The museum is open every day except Monday.",
    "They planted tomatoes along the garden wall.",
    "Please send me the photographs when you get home.",
    "Nobody expected the meeting to last so long.",
    "The dog barked at the letter carrier again.",
    "I would like a cup of coffee without sugar.",
    "Our city has built a new library near the park.",
    "It takes about an hour to walk to the beach.",
    "The children laughed at the clown in the green hat.",
    "You should save your work before you leave.",
    "The recipe calls for two eggs and a little butter.",
    "Several people asked the same question after the lecture.",
    "An old clock was ticking in the corner of the room.",
    "We watched the stars until the clouds came back.",
    "The engineer explained how the bridge was repaired.",
    "Fresh snow covered the fields on both sides of the road.",
)

REPLAY = (
    "The bakery on the corner sells bread until noon.",
    "My grandfather keeps his letters in a wooden box.",
    "A heavy truck blocked the narrow street for hours.",
    "They have lived in the same house since they married.",
    "The waiter forgot to bring us a second spoon.",
    "Every evening she reads a story to her son.",
    "The river rises quickly after a week of rain.",
    "He painted the kitchen walls a pale shade of yellow.",
    "Could you tell me which bus goes to the hospital?",
    "The new neighbours invited everyone to dinner.",
    "Wild geese fly south before the winter comes.",
    "I left my umbrella under the seat of the taxi.",
    "The actor thanked the audience and left the stage.",
    "Cheese is made in this valley all year round.",
    "Her answer was short, clear and completely wrong.",
    "The price of the ticket includes breakfast.",
    "Two nurses helped the patient out of bed.",
    "We need more chairs for the guests from abroad.",
    "The teacher wrote three long words on the board.",
    "A cold wind came down from the mountains at night.",
    "Somebody has left the garden gate open again.",
    "The judge read the decision in a quiet voice.",
    "You can borrow my bicycle until the weekend.",
    "The last page of the book was missing.",
    "Farmers in the region grow apples and pears.",
    "It was too dark to see the path ahead.",
    "The committee will choose a chairman next month.",
    "He wore a black coat and carried a small suitcase.",
    "The computer on my desk is older than I thought.",
    "Their daughter wants to become a pilot.",
    "After lunch the boys played football behind the school.",
    "Water boils faster when the lid is on the pot.",
)


def swahili(count: int, seed: int) -> list[str]:
    """Sentences whose verb agrees with the time they name: -li- past, -ta- future, -na- present."""
    result = []
    for text in sentences(SWAHILI_SLOTS, count, seed):
        tense = "li" if "jana" in text else "ta" if "kesho" in text else "na"
        result.append(text.replace("|na|", f"a{tense}"))
    return result


def crowd(seconds: float, seed: int) -> np.ndarray:
    """Noise of a busy hall: eight voices over each other, a low rumble and a hiss; float32 [samples], RMS 1."""
    rng = np.random.default_rng(seed)
    count = int(seconds * SAMPLE_RATE)
    total = np.zeros(count)
    for _ in range(8):
        voice = espeak(
            f"en-gb+{rng.choice(['m1', 'm4', 'f2', 'f4', 'm7'])}", int(rng.integers(140, 220)), int(rng.integers(20, 80))
        )
        line = " ".join(GENERAL[i] for i in rng.permutation(len(GENERAL))[:6])
        wave = np.resize(speak(voice, line), count)
        total += np.roll(wave, int(rng.integers(count))) * rng.uniform(0.5, 1.0)
    total /= np.sqrt(np.mean(total**2))
    rumble = sosfilt(butter(2, 200, "low", fs=SAMPLE_RATE, output="sos"), rng.standard_normal(count))
    total += 0.8 * rumble / np.sqrt(np.mean(rumble**2)) + 0.3 * rng.standard_normal(count)
    return (total / np.sqrt(np.mean(total**2))).astype(np.float32)


def add_noise(wave: np.ndarray, noise: np.ndarray, snr_db: float, start: int) -> np.ndarray:
    """Adds a stretch of noise (RMS 1) at a signal-to-noise ratio in dB."""
    stretch = np.roll(noise, -start)[: len(wave)]
    return wave + stretch * np.sqrt(np.mean(wave**2)) / 10 ** (snr_db / 20)


def write_set(name: str, about: dict, rows: list[tuple[str, str, str, np.ndarray]]) -> None:
    """Writes clips.csv, about.json and the sound; rows are (part, speaker, text, wave)."""
    folder = SAMPLES / name
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    for old in (folder / "audio").iterdir():
        old.unlink()
    with (folder / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("path", "text", "speaker", "part"))
        for i, (part, speaker, text, wave) in enumerate(rows):
            path = f"audio/{part}-{i:02d}.flac"
            soundfile.write(folder / path, np.clip(wave, -1, 1), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
            table.writerow((path, text, speaker, part))
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def parted(texts: list[str], voices: dict[str, list[Voice]]) -> list[tuple[str, Voice, str]]:
    """Deals sentences to parts and voices in turn."""
    dealt, rest = [], iter(texts)
    for part, count in PARTS.items():
        for i in range(count):
            dealt.append((part, voices[part][i % len(voices[part])], next(rest)))
    return dealt


def make_accent() -> None:
    """Other voices are held out than those trained on."""
    every = [accented(f"en-us+{v}", rate, pitch) for v, rate, pitch in (
        ("m1", 140, 45), ("f2", 145, 55), ("m3", 150, 40), ("f4", 140, 60), ("m5", 145, 50), ("f1", 150, 50),
        ("m7", 145, 45), ("f3", 140, 55), ("m2", 145, 50), ("f5", 150, 50))]  # fmt: skip
    voices = {"train": every[:6], "validation": every[6:8], "test": every[8:]}
    rows = [(p, v.name, t, speak(v, t)) for p, v, t in parted(sentences(ACCENT_SLOTS, CLIPS, 1), voices)]
    write_set("accent", {"language": "en", "voices": "espeak-ng, English through rule-made sound changes"}, rows)


def make_noise() -> None:
    """Other stretches of noise are held out than those trained on."""
    voices = [flite("slt"), flite("rms"), flite("awb"), festival("cmu_us_slt_arctic_hts")]
    noises = {"train": crowd(60, 1), "validation": crowd(30, 2), "test": crowd(30, 3)}
    rng = np.random.default_rng(4)
    rows = []
    for part, voice, text in parted(sentences(NOISE_SLOTS, CLIPS, 5), dict.fromkeys(PARTS, voices)):
        wave = add_noise(speak(voice, text), noises[part], NOISE_SNR_DB, int(rng.integers(20 * SAMPLE_RATE)))
        rows.append((part, voice.name, text, wave))
    write_set("noise", {"language": "en", "voices": f"flite and festival, in a crowd at {NOISE_SNR_DB} dB"}, rows)


def make_language() -> None:
    """Swahili; other voices are held out than those trained on."""
    every = [espeak(f"sw+{v}", rate, pitch) for v, rate, pitch in (
        ("m1", 140, 45), ("f2", 145, 55), ("m3", 150, 40), ("f4", 140, 60), ("m7", 145, 45), ("f3", 140, 55),
        ("m2", 145, 50), ("f5", 150, 50))]  # fmt: skip
    voices = {"train": every[:4], "validation": every[4:6], "test": every[6:]}
    rows = [(p, v.name, t, speak(v, t)) for p, v, t in parted(swahili(CLIPS, 7), voices)]
    write_set("language", {"language": "sw", "voices": "espeak-ng, Swahili"}, rows)


def make_general() -> None:
    """Clean English of other sentences: the canary that shows forgetting."""
    voices = [flite("slt"), festival("cmu_us_slt_arctic_hts"), flite("rms"), flite("awb")]
    rows = [("test", v.name, t, speak(v, t)) for v, t in zip(voices * 5, GENERAL, strict=True)]
    write_set("general", {"language": "en", "voices": "flite and festival"}, rows)


def make_replay() -> None:
    """Clean English to train on beside a set, so that less is forgotten; the canary has other voices and sentences."""
    voices = [flite("kal16"), festival("ked_diphone"), espeak("en-us"), espeak("en-us+Annie")]
    rows = [("train", v.name, t, speak(v, t)) for v, t in zip(voices * 8, REPLAY, strict=True)]
    write_set("replay", {"language": "en", "voices": "flite, festival and espeak-ng"}, rows)


if __name__ == "__main__":
    makers = {
        "accent": make_accent,
        "noise": make_noise,
        "language": make_language,
        "general": make_general,
        "replay": make_replay,
    }
    for wanted in sys.argv[1:] or makers:
        makers[wanted]()
