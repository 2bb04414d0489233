"""The page as a whole, and what several steps share."""

TEXTS = {
    "app.title": "Attune",
    "app.tagline": "Teach a speech recogniser to understand you better: start from a pretrained model, add a few labelled clips, and see what it gained and what it forgot.",
    "app.other_language": "简体中文",
    "app.insecure": "This page was opened over plain http from another computer, so the browser hides the microphone. Upload files instead, or open it on the computer that runs Attune.",
    "app.damaged": "{name} was damaged. What could be read was kept; the damaged part is beside it as {kept}.",
    "app.damaged.title": "A file was damaged",
    "app.private": "Recordings stay on the computer that runs Attune.",
    "time.seconds": "{n} s",
    "time.minutes": "{n} min",
    "job.stop": "Stop",
    "job.waiting": "Starting, or waiting for its turn: one job computes at a time.",
    "job.stopping": "Stopping as soon as what is in flight is done.",
    "job.done": "Done, in {time}.",
    "job.interrupted": "The process ended unexpectedly. What was measured until then is below; start it again.",
}
