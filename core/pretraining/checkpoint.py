"""Training checkpoints on disk: each a folder that is either complete or absent."""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from core.errors import RunError
from core.storage.files import read_json, whole_folder, write_json


@dataclass(frozen=True)
class Reached:
    """How far a training has come.

    Attributes:
        step: the last completed step.
        seconds: training time so far.
        heard: seconds of audio trained on, including repeats.
    """

    step: int = 0
    seconds: float = 0.0
    heard: float = 0.0


@dataclass(frozen=True)
class Checkpoints:
    """The latest checkpoint of a training; there are two only while one replaces the other.

    Attributes:
        folder: the job's folder.
    """

    folder: Path

    def save(self, network: nn.Module, optimiser: torch.optim.Optimizer, reached: Reached) -> None:
        """Writes weights, optimiser and step, then removes the previous checkpoint.

        Raises:
            OSError: the disk is full; the previous checkpoint is still there.
        """
        before = self._all()
        with whole_folder(self.folder / f"checkpoint-{reached.step:09d}") as folder:
            state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
            save_file(state, folder / "model.safetensors")
            with (folder / "optimiser.pt").open("wb") as file:  # given a path, torch would not report a full disk
                torch.save(optimiser.state_dict(), file)
            write_json(folder / "reached.json", dataclasses.asdict(reached))
        for old in before:
            if old.name != f"checkpoint-{reached.step:09d}":
                shutil.rmtree(old, ignore_errors=True)

    def restore(self, network: nn.Module, optimiser: torch.optim.Optimizer) -> Reached:
        """Restores the latest checkpoint, if there is one.

        Raises:
            RunError: the checkpoint cannot be read.
        """
        found = self._all()
        if not found:
            return Reached()
        folder = found[-1]
        try:
            network.load_state_dict(load_file(folder / "model.safetensors"))
            optimiser.load_state_dict(torch.load(folder / "optimiser.pt", map_location="cpu", weights_only=True))
            return Reached(**read_json(folder / "reached.json"))
        except Exception as error:  # the libraries raise a dozen unrelated types
            raise RunError(
                "checkpoint_damaged", f"{folder} is damaged. Delete it to start over in the same folder.", folder=str(folder)
            ) from error

    def remove(self) -> None:
        """Removes all checkpoints, which a finished training does not need."""
        for folder in self._all():
            shutil.rmtree(folder, ignore_errors=True)

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("checkpoint-*"))
