"""The page's look: Gradio's plain theme with one accent colour, system fonts, and assets/attune.css."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

FONTS = ("system-ui", "Segoe UI", "Roboto", "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif")
MONOSPACED = ("ui-monospace", "Menlo", "Consolas", "monospace")


def theme() -> gr.themes.Base:
    """Returns the theme; it uses system fonts, so nothing is downloaded."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo, neutral_hue=gr.themes.colors.slate, font=FONTS, font_mono=MONOSPACED
    )


def css() -> str:
    """Returns the app's style sheet."""
    return _asset("attune.css")


def head(language: str) -> str:
    """Returns the contents of the page's head: its language, the script that plays pressed words, the reading panel's keys,
    and the script that tells why there is no microphone.
    """
    return (
        f"<script>document.documentElement.lang = '{language}';</script>"
        f"<script>{_asset('words.js')}</script><script>{_asset('reading.js')}</script><script>{_asset('microphone.js')}</script>"
    )


def _asset(name: str) -> str:
    """Reads a file of the assets folder, which is beside the packages in a checkout and inside `demo` in a wheel."""
    inside, beside = (folder / "assets" / name for folder in (Path(__file__).parent, Path(__file__).parents[1]))
    return (inside if inside.is_file() else beside).read_text(encoding="utf-8")
