"""Step 2: record a clip and read its transcript; try other models on it."""

TEXTS = {
    "listen.title": "Listen",
    "listen.sentence": "Say something, or upload a clip (wav, flac, mp3, ogg or m4a, up to 10 minutes), and read what the base hears.",
    "listen.record": "Microphone or file",
    "listen.empty": "Nothing recorded yet: press Record, say a sentence, press Stop.",
    "listen.took": "{model} read {sound} s of sound in {seconds} s. The recording is saved.",
    "listen.language": "Language: {language}",
    "listen.language_detected": "Language: {language} (detected)",
    "listen.working": "Saving and transcribing the clip",
    "listen.spectrogram": "Spectrogram",
    "listen.spectrogram_about": "Log-mel energies, 80 bands, 25 ms windows every 10 ms: what the model sees. Time runs to the right in seconds, frequency upwards in kHz.",
    "listen.which": "Which model should I pick?",
    "listen.try_all": "Try every ready model on my clip",
    "listen.trying": "Reading your clip with {count} {count:model|models}, one after the other: {models}. Each is loaded first.",
    "listen.play": "Play the clip",
    "trials.model": "model, and what it hears",
    "trials.seconds": "time",
    "trials.parameters": "parameters",
    "trials.no_reference": "No WER yet: correct the transcript in step 3 and add the clip, then try again.",
    "trials.note": "One clip is an impression, not a measurement. Models that are not on this computer are not tried: fetch them in step 1. Time is that of this clip, loading excluded.",
}
