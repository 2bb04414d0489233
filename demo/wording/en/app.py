"""The page as a whole, and what several steps share."""

TEXTS = {
    "app.title": "Attune",
    "app.tagline": "Teach a speech recogniser to understand you better, and see what it gained and what it forgot.",
    "app.other_language": "简体中文",
    "app.damaged": "{name} was damaged. The readable part was kept; the damaged part was saved next to it as {kept}.",
    "app.damaged.title": "A file was damaged",
    "app.private": "Recordings stay on the computer that runs Attune.",
    "anew.ask": "Start over",
    "anew.title": "Start over with a fresh page?",
    "anew.about": "All that this browser has left here is deleted for good: recordings, sets, fine-tunes and their models. The next person begins with a fresh page.",
    "anew.forget": "Delete everything and start over",
    "anew.keep": "No, keep it",
    "job.stop": "Stop",
    "job.stopping": "Stopping when the current part is done.",
    "job.done": "Done in {time}.",
    "job.interrupted": "The process ended unexpectedly. The results up to that point are below. Start it again.",
}
