"""The page's look: Gradio's plain theme with one accent colour, system fonts, and assets/attune.css."""

from __future__ import annotations

import html
import json
from pathlib import Path

import gradio as gr

from demo.wording import LANGUAGES

FONTS = ("system-ui", "Segoe UI", "Roboto", "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif")
WITHOUT_TEXT = {
    "common.complete": "gradio.complete"
}  # what Gradio shows for want of a text, and the text that it has elsewhere
SCRIPTS = ("words.js", "reading.js", "microphone.js", "share.js", "stage.js", "access.js", "start_over.js")
MONOSPACED = ("ui-monospace", "Menlo", "Consolas", "monospace")


def theme() -> gr.themes.Base:
    """Returns the theme, with system fonts, so nothing is downloaded, and a shade darker than Gradio's, for contrast."""
    plain = gr.themes.Base(
        primary_hue=gr.themes.colors.indigo, neutral_hue=gr.themes.colors.slate, font=FONTS, font_mono=MONOSPACED
    )
    return plain.set(
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
    )


def css() -> str:
    """Returns the app's style sheet."""
    return _asset("attune.css")


def head_start(language: str) -> str:
    """Returns what the page's head begins with: the script that sets its language, in Gradio's own texts too."""
    return f'<script data-words="{html.escape(_gradio_words(language))}">{_asset("gradio_words.js")}</script>'


def head() -> str:
    """Returns what Gradio adds to the page's head: the scripts of `SCRIPTS`."""
    return "".join(f"<script>{_asset(name)}</script>" for name in SCRIPTS)


def _gradio_words(language: str) -> str:
    """Returns a page's language and Gradio's texts, each with what the page says instead, as JSON."""
    names = [key for key in LANGUAGES["en"] if key.startswith("gradio.")]
    texts = [(LANGUAGES["en"][name], LANGUAGES[language][name]) for name in names]
    texts += [(shown, LANGUAGES[language][name]) for shown, name in WITHOUT_TEXT.items()]
    return json.dumps({"language": language, "texts": texts})


def _asset(name: str) -> str:
    """Reads a file of the assets folder, which is beside the packages in a checkout and inside `demo` in a wheel."""
    inside, beside = (folder / "assets" / name for folder in (Path(__file__).parent, Path(__file__).parents[1]))
    return (inside if inside.is_file() else beside).read_text(encoding="utf-8")
