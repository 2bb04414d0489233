"""Gradio's Blocks, made deaf to the files that a request names."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demo.session import uploads
from demo.wording import Wording

TAKES_FILES = (gr.Audio, gr.File, gr.UploadButton)


class Page(gr.Blocks):
    """Blocks whose handlers are given `uploads.Upload`s, never a path.

    Gradio itself would open, hash and copy whatever path a request names as an upload. It checks such paths only where
    `has_launched` is set, which `gr.mount_gradio_app` leaves unset. Here it never sees them: a component that takes files
    hands its handlers the uploads that were named, and `uploads.find` decides what they are; anywhere else a file is refused.

    Args:
        w: the page's language.
        **how: as `gr.Blocks` takes it.
    """

    def __init__(self, w: Wording, **how: Any) -> None:
        super().__init__(**how)
        self._w = w
        self.has_launched = True  # a second wall: Gradio's own check of paths

    def get_config_file(self) -> Any:
        """Returns what a browser builds the page from; nothing before it is mounted.

        Gradio asks at each of six steps of building and mounting a page, which took a fifth of the start, and serves the last
        answer alone.
        """
        return super().get_config_file() if self.custom_mount_path else {}

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False) -> list[Any]:
        """Returns the values for a handler, as Gradio does, with uploads in the place of files.

        Raises:
            gr.Error: a component that takes no files was given one.
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
