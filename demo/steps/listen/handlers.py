"""Handlers of step 2: keeping a clip and transcribing it."""

from __future__ import annotations

import io

import gradio as gr
import numpy as np

from core.audio import sound_files
from core.audio.sound_files import SAMPLE_RATE
from core.errors import DatasetError
from core.evaluation.side_by_side import ready_models, trial
from core.models.languages import only_language
from demo.background.model_pool import ModelPool
from demo.background.spoken_language import spoken_language
from demo.session import uploads
from demo.session.session import Session
from demo.session.uploads import Upload
from demo.show import comparisons, languages, markup
from demo.steps.listen import show
from demo.steps.names import Shown
from demo.wording import Wording

WINDOW_SAMPLES = 400  # 25 ms, as in Whisper's front end
HOP_SAMPLES = 160  # 10 ms
MELS = 80
FLOOR_DB = -80.0


class ListenHandlers:
    """The handlers of step 2."""

    def __init__(self, w: Wording, pool: ModelPool) -> None:
        self._w, self._pool = w, pool

    def working(self, session: Session, audio: Upload | None) -> Shown:
        """audio -> transcript (a note that it is being transcribed), correction (hidden), text, added, spoken (all empty)."""
        if audio is None:
            return {}
        session.choose(clip="", heard="", spoken="")
        return self._nothing("listen.working")

    def clear(self, session: Session) -> Shown:
        """-> the outputs of `working`: the card is empty again. The recording is removed unless it is one of the own clips."""
        clip = session.choices.clip
        session.choose(clip="", heard="", spoken="")
        if any(one.id == clip and not one.text for one in session.recordings.all()):
            session.recordings.remove(clip)
        return self._nothing("listen.empty")

    def hear(self, session: Session, audio: Upload | None) -> Shown:
        """audio -> transcript (with its timing), correction (shown), text (to correct). Saves the recording first."""
        if audio is None:
            return {}
        recording = uploads.keep(session, audio)
        session.choose(clip=recording.id, heard="", spoken="")
        wave = sound_files.decode(recording.path)
        id = session.choices.model
        heard = self._pool.transcribe(session.name, id, "", wave)
        text = heard.transcript.text
        session.choose(clip=recording.id, heard=text)
        spoken = languages.transcribed(id, heard.transcript.language, not heard.language, self._w)
        shown = show.transcript(text, heard.seconds, recording.seconds, id, self._w, spoken)
        return {"transcript": shown, "correction": gr.update(visible=True), "text": text}

    def _nothing(self, key: str) -> Shown:
        empty = dict.fromkeys(("text", "added", "spoken"), "")
        return {"transcript": markup.note(self._w(key)), "correction": gr.update(visible=False), **empty}

    def identify(self, session: Session) -> Shown:
        """-> spoken (that the current clip is in a language that the model does not write; nothing if no model can tell).

        Only a model that writes one language is doubted: others detect the language themselves.
        """
        clip, model = session.choices.clip, session.choices.model
        if not clip or not only_language(model):
            return {"spoken": ""}
        spoken = spoken_language(self._pool, session.name, sound_files.decode(session.recordings.get(clip).path))
        if session.choices.clip != clip:  # another one came meanwhile
            return {}
        session.choose(spoken=spoken)
        return self.spoken(session)

    def spoken(self, session: Session) -> Shown:
        """-> spoken, as last found, for the model chosen now."""
        sentence = languages.sounds_like(session.choices.model, session.choices.spoken, self._w)
        return {"spoken": markup.note(sentence, "warning")}

    def trying(self, session: Session) -> Shown:
        """-> trials (a note on which models are about to be tried)."""
        if not session.choices.clip:
            raise DatasetError("no_clip", "Record or upload a clip first.")
        ids = ready_models(session.choices.model)
        return {"trials": markup.note(self._w("listen.trying", count=len(ids), models=", ".join(ids)))}

    def try_all(self, session: Session) -> Shown:
        """-> trials (transcripts of the current clip by every model that is ready)."""
        if not session.choices.clip:
            return {}
        recording = session.recordings.get(session.choices.clip)
        wave, language = sound_files.decode(recording.path), session.choices.language
        trials = []
        for id in ready_models(session.choices.model):
            heard = self._pool.transcribe(session.name, id, "", wave)
            trials.append(trial(id, heard.parameters, heard.transcript.text, heard.seconds, recording.text, language))
        return {"trials": comparisons.trials(trials, recording.text, language, self._w)}

    def restore(self, session: Session) -> Shown:
        """-> the outputs of `working`, of the current clip as before the page was reloaded."""
        choices, empty = session.choices, self._nothing("listen.empty")
        if not choices.clip:
            return empty
        try:
            text = session.recordings.get(choices.clip).text or choices.heard
        except DatasetError:  # its line in the log is damaged
            return empty
        shown = show.heard_before(choices.heard, f"/sound/recording/{choices.clip}", self._w)
        shown = {"transcript": shown, "correction": gr.update(visible=True), "text": text, "added": ""}
        return {**shown, **self.spoken(session)}

    def spectrogram(self, session: Session) -> Shown:
        """-> spectrogram (a picture of the current clip's log-mel energies)."""
        if not session.choices.clip:
            return {"spectrogram": ""}
        import librosa  # importing it and matplotlib takes a second, and not every visitor opens the spectrogram

        wave = sound_files.decode(session.recordings.get(session.choices.clip).path)
        energies = librosa.feature.melspectrogram(
            y=wave, sr=SAMPLE_RATE, n_fft=WINDOW_SAMPLES, hop_length=HOP_SAMPLES, n_mels=MELS
        )
        decibels = librosa.power_to_db(energies, ref=np.max, top_db=-FLOOR_DB)
        return {"spectrogram": self._picture(decibels, len(wave) / SAMPLE_RATE)}

    def _picture(self, decibels: np.ndarray, seconds: float) -> str:
        import librosa
        from matplotlib.figure import Figure

        figure = Figure(figsize=(10, 3.2), dpi=110, layout="constrained")
        axes = figure.subplots()
        shown = axes.imshow(decibels, origin="lower", aspect="auto", extent=(0, seconds, 0, MELS), cmap="magma")
        kilohertz = (0.25, 0.5, 1, 2, 4)
        edges = librosa.mel_frequencies(MELS, fmax=SAMPLE_RATE / 2)
        axes.set_yticks([float(np.interp(k * 1000, edges, np.arange(MELS))) for k in kilohertz], [f"{k:g}" for k in kilohertz])
        # No CJK font is available for pictures, so axes are labelled with symbols, which the page explains.
        axes.set_xlabel("s")
        axes.set_ylabel("kHz")
        figure.colorbar(shown, ax=axes, label="dB")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        # Embedded in the page, so that no picture of a voice is left in a file that must be protected and deleted.
        return markup.picture(buffer.getvalue(), self._w("listen.spectrogram"))
