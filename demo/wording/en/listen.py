"""Step 2: record a clip and read its transcript; try other models on it."""

TEXTS = {
    "listen.title": "Listen",
    "listen.sentence": "Say something, or upload a clip (wav, flac, mp3, ogg or m4a, up to 10 minutes), and see how the base transcribes it.",
    "listen.record": "Microphone or file",
    "listen.empty": "Nothing recorded yet. Press Record, say a sentence, then press Stop.",
    "listen.took": "{model} transcribed {sound} s of sound in {seconds} s. The recording is saved.",
    "listen.language": "Language: {language}",
    "listen.language_detected": "Language: {language} (detected)",
    "listen.working": "Saving and transcribing the clip",
    "listen.spectrogram": "Spectrogram",
    "listen.spectrogram_about": "Log-mel energies, the input of Whisper models: 80 bands, 25 ms windows, one every 10 ms. Time runs to the right in seconds, frequency upwards in kHz.",
    "listen.which": "Which model should I pick?",
    "listen.try_all": "Try every ready model on my clip",
    "listen.trying": "Transcribing your clip with {count} {count:model|models}, one after the other: {models}. Each has to load first.",
    "listen.play": "Play the clip",
    "trials.model": "model and its transcript",
    "trials.seconds": "time",
    "trials.parameters": "parameters",
    "trials.no_reference": "No WER yet: in step 3, correct the transcript and add the clip, then try again.",
    "trials.note": "One clip gives an impression, not a measurement. Only downloaded models are tried; download more in step 1. Times are for this clip, without loading.",
}
