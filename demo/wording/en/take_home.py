"""Step 6: download the adapted model and the report."""

TEXTS = {
    "home.title": "Take home",
    "home.sentence": "Download the adapted model, as a folder that Hugging Face transformers can load.",
    "home.empty": "Nothing to take home yet: fine-tune first.",
    "home.download": "Download the adapted model (zip, {mb} MB)",
    "home.use": "Unpack and use it",
    "home.again": "Repeat the run without a browser",
    "home.where": "The model is also on the computer that runs Attune, with everything about the run: {folder}",
    "report.title": "Report",
    "report.about": "Everything about this run in one self-contained page: figures, pictures, every held-out clip, the recipe, versions, seeds, and the command that repeats it.",
    "report.html": "Download the report",
    "report.md": "as Markdown",
    "report.json": "as JSON",
}
