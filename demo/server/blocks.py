"""Gradio's Blocks, modified to ignore file paths in requests."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demo.session import uploads
from demo.wording import Wording

TAKES_FILES = (gr.Audio, gr.File, gr.UploadButton)


class Page(gr.Blocks):
    """Blocks whose handlers receive `uploads.Upload`s, never paths.

    Gradio itself would open, hash and copy any path that a request names as an upload. It checks such paths only if
    `has_launched` is set, which `gr.mount_gradio_app` does not do. Here Gradio never sees them: a file component passes its
    handlers the named uploads, which `uploads.find` resolves; any other component refuses files.

    Args:
        w: the page's language.
        **how: passed to `gr.Blocks`.
    """

    def __init__(self, w: Wording, **how: Any) -> None:
        super().__init__(**how)
        self._w = w
        self.has_launched = True  # second line of defence: turns on Gradio's own path check

    def get_config_file(self) -> Any:
        """Returns the configuration from which a browser builds the page; empty before the page is mounted.

        Gradio asks for it six times while building and mounting a page, which took a fifth of the startup time, and uses only
        the last answer.
        """
        return super().get_config_file() if self.custom_mount_path else {}

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False) -> list[Any]:
        """Returns the values for a handler, as Gradio does, with uploads in place of files.

        Raises:
            gr.Error: a component that takes no files received one.
        """
        named, rest = {}, list(inputs)
        for place, (block, value) in enumerate(zip(block_fn.inputs, inputs, strict=False)):
            if isinstance(block, TAKES_FILES):
                named[place], rest[place] = uploads.named(value), None
            elif _holds_a_file(value):
                raise gr.Error(self._w("error.upload_missing"), print_exception=False)
        processed = await super().preprocess_data(block_fn, rest, state, explicit_call)
        return [named.get(place, value) for place, value in enumerate(processed)]


def _holds_a_file(value: Any) -> bool:
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            if "path" in one:
                return True
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return False
