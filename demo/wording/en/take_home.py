"""Step 6: download the adapted model and the report."""

TEXTS = {
    "home.title": "Take home",
    "home.sentence": "Keep the adapted model, as a folder that Hugging Face transformers loads.",
    "home.empty": "Nothing to take home yet: fine-tune first.",
    "home.download": "Download the adapted model (zip, {mb} MB)",
    "home.use": "Unpack it and use it",
    "home.again": "The same without a browser",
    "home.where": "It also lies on the computer that runs Attune, with everything about the run: {folder}",
    "report.title": "Report",
    "report.about": "Everything on this run in one page that needs no other file: figures, pictures, every held-out clip, the recipe, versions, seeds, and the command that repeats it.",
    "report.html": "Download the report",
    "report.md": "as Markdown",
    "report.json": "as JSON",
}
