"""Models from a slow hub and from files: a download that is watched, stopped and resumed, and a checkpoint that is used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

from tests.browser.conftest import OWNERS, running, use, wait_for_status
from tests.core.models.sources.file_server import ModelHub

ID = "somebody/some-model"
BYTES_A_SECOND = 2_000_000
FAIRSEQ = Path(__file__).parents[1] / "fixtures" / "fairseq" / "wav2vec2_large_ctc.pt"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelHub]:
    """A slow hub that holds a random wav2vec 2.0 of 13 MB."""
    folder = tmp_path_factory.mktemp("published")
    tokens = ["<pad>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), bos_token=None, eos_token=None).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(tokens), hidden_size=256, num_hidden_layers=4, num_attention_heads=2, intermediate_size=1024,
        conv_dim=(32,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2, pad_token_id=0,
    )  # fmt: skip
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    hub = ModelHub(ID, {path.name: path.read_bytes() for path in folder.iterdir()})
    hub.rate = BYTES_A_SECOND
    yield hub
    hub.close()


@pytest.fixture(scope="module")
def address(hub: ModelHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app of its own, which fetches from that hub."""
    with running(tmp_path_factory.mktemp("slow-home"), hub.address) as address:
        yield address


def test_a_download_is_watched_stopped_and_resumed(open_page, hub: ModelHub) -> None:
    page = open_page(width=390)
    use(page, ID)
    page.wait_for_function("document.querySelector('#model-status progress')?.value > 0.1")
    total = sum(len(content) for content in hub.files.values()) / 1e6
    assert f" of {total:.0f} MB" in page.inner_text("#model-status")
    assert f"downloads {total:.0f} MB from the Hugging Face Hub" in page.inner_text("#model-about")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("#stop-fetch")
    wait_for_status(page, "The downloaded part is kept: press")
    assert not page.locator("#stop-fetch").is_visible()
    page.reload()
    page.wait_for_selector("#set-card .card")
    use(page, ID)
    wait_for_status(page, f"{ID} is loaded")
    first, second = hub.fetched("model.safetensors")
    assert first == "bytes=0-"
    assert int(second.removeprefix("bytes=").rstrip("-")) >= 0.1 * len(hub.files["model.safetensors"])
    assert not page.locator("#stop-fetch").is_visible()


def test_a_checkpoint_is_used_by_its_path(open_page, spoken, address: str) -> None:
    page = open_page(path=OWNERS[address])
    use(page, str(FAIRSEQ))
    wait_for_status(page, "is loaded")
    page.locator("#clip .source-selection button").first.click()
    page.locator("#clip input[type=file]").set_input_files(str(spoken[0]))
    page.wait_for_selector("#base-transcript")
    assert f"{FAIRSEQ} transcribed" in page.inner_text("#heard")
    assert set(page.inner_text("#base-transcript")) <= set("ETAONIH' ")  # the letters in its dictionary
    page.get_by_text("Which model should I pick?").click()
    page.click("#try-all")
    page.locator("#trials .tried").first.wait_for(timeout=120_000)
    assert page.locator("#trials th[scope=row]").all_inner_texts()[:2] == [str(FAIRSEQ), "whisper-tiny.en"]
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("(table => table.scrollWidth <= table.clientWidth)(document.querySelector('#trials .scroll'))")
    figures = page.locator("#trials .computed-on >> nth=0").locator("td")
    assert all(figures.nth(i).is_visible() for i in range(3))
