"""The usual recipes by transformers' own Trainer: what Attune's time, memory and errors are held against.

Whisper follows "Fine-Tune Whisper For Multilingual ASR with Transformers" (Gandhi 2022, huggingface.co/blog/fine-tune-whisper):
log-mel of 30 s windows made before training, rate 1e-5, linear, 500 of 4,000 steps of warm-up, four evaluations that write
their validation clips (predict_with_generate, at most 225 tokens), and the checkpoint with the lowest WER is kept. LoRA
follows PEFT's own example for Whisper (examples/int8_training): rank 32, alpha 64, dropout 0.05 on queries and values, rate
1e-3. CTC follows "Fine-Tune Wav2Vec2 for English ASR" (von Platen 2021, huggingface.co/blog/fine-tune-wav2vec2-english): rate
1e-4, weight decay 0.005, convolutions frozen, batches padded to their longest clip.

Left out in the recipes' favour, because they cost time here: gradient checkpointing, optimiser states in the checkpoints,
logs. Their float16 needs a GPU. Batches of 8 and the number of epochs are the benchmark's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoProcessor,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    Trainer,
    TrainingArguments,
    Wav2Vec2ForCTC,
    WhisperForConditionalGeneration,
)

from core.audio.sound_files import SAMPLE_RATE
from core.text.metrics import score
from tests.bench.arms import CTC_DECAY, CTC_RATE, WARMUP, Spent
from tests.bench.clips import Spoken

BATCH = 8
WHISPER_RATE, LORA_RATE = 1e-5, 1e-3
LORA = {"r": 32, "lora_alpha": 64, "lora_dropout": 0.05, "target_modules": ["q_proj", "v_proj"], "bias": "none"}
GENERATED_TOKENS = 225
IGNORED = -100  # the label whose loss is not counted


def train(arm: str, source: Path, learn: Spoken, validation: Spoken, epochs: int, seed: int, folder: Path) -> Spent:
    """Fine-tunes by the Trainer and saves a folder that `from_pretrained` loads.

    Args:
        arm: one of `arms.ARMS`.
        source: folder of a Whisper or a wav2vec 2.0 with its vocabulary.
        learn, validation: the clips.
        epochs: passes over them.
        seed: of batches and dropout.
        folder: to make; what the Trainer keeps meanwhile lies there too.
    """
    began = time.perf_counter()
    torch.manual_seed(seed)
    what, _, precision = arm.partition("-")
    processor = AutoProcessor.from_pretrained(source)
    whisper = "Whisper" in type(processor).__name__
    network = (WhisperForConditionalGeneration if whisper else Wav2Vec2ForCTC).from_pretrained(source)
    if what == "frozen":
        network.freeze_encoder() if whisper else network.freeze_base_model()
    elif not whisper:
        network.freeze_feature_encoder()
    rate = LORA_RATE if what == "lora" else WHISPER_RATE if whisper else CTC_RATE
    if what == "lora":
        network = get_peft_model(network, LoraConfig(**LORA, modules_to_save=None if whisper else ["lm_head"]))
    settings: dict[str, Any] = {
        "output_dir": str(folder / "trainer"),
        "per_device_train_batch_size": BATCH,
        "per_device_eval_batch_size": BATCH,
        "learning_rate": rate,
        "warmup_steps": WARMUP,
        "weight_decay": 0.0 if whisper else CTC_DECAY,
        "num_train_epochs": epochs,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "save_total_limit": 1,
        "save_only_model": True,
        "load_best_model_at_end": True,
        "metric_for_best_model": "wer",
        "greater_is_better": False,
        "bf16": precision == "bf16",
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "remove_unused_columns": False,
        "label_names": ["labels"],
        "report_to": "none",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "seed": seed,
    }
    prepared = [_prepare(processor, whisper, part) for part in (learn, validation)]
    given = {
        "model": network,
        "train_dataset": prepared[0],
        "eval_dataset": prepared[1],
        "compute_metrics": _word_errors(processor, whisper),
    }
    trainer: Any
    if whisper:
        arguments = Seq2SeqTrainingArguments(**settings, predict_with_generate=True, generation_max_length=GENERATED_TOKENS)
        start = network.config.decoder_start_token_id
        trainer = Seq2SeqTrainer(**given, args=arguments, data_collator=_whisper_collator(processor, start))
    else:
        trainer = Trainer(
            **given,
            args=TrainingArguments(**settings),
            data_collator=_ctc_collator(processor),
            preprocess_logits_for_metrics=lambda logits, labels: logits.argmax(-1),
        )
    apart = {name: _timed(trainer, name) for name in ("evaluate", "_save_checkpoint", "_load_best_model")}
    started, busy = time.perf_counter(), time.process_time()
    trainer.train()
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    evaluate, *checkpoints = (sum(times) for times in apart.values())
    save = sum(checkpoints)
    network = trainer.model.merge_and_unload() if what == "lora" else trainer.model
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
    return Spent(
        prepare=started - began,
        train=seconds - evaluate - save,
        evaluate=evaluate,
        save=save,
        steps=trainer.state.global_step,
        visits=epochs * len(learn.clips),
        cores=busy / seconds,
        reached=_reached(trainer.state.log_history, seconds - evaluate - save, epochs),
    )


def _reached(log: list[dict[str, Any]], seconds: float, epochs: int) -> tuple[tuple[float, float], ...]:
    """Returns `Spent.reached` from the Trainer's log: every epoch has as many steps."""
    return tuple((seconds * entry["epoch"] / epochs, entry["eval_wer"]) for entry in log if "eval_wer" in entry)


def _timed(trainer: Any, name: str) -> list[float]:
    """Has a method of the trainer note the seconds of each call."""
    inner, times = getattr(trainer, name), []

    def timed(*args: Any, **given: Any) -> Any:
        began = time.perf_counter()
        try:
            return inner(*args, **given)
        finally:
            times.append(time.perf_counter() - began)

    setattr(trainer, name, timed)
    return times


def _prepare(processor: Any, whisper: bool, spoken: Spoken) -> list[dict[str, Any]]:
    rows = []
    for wave, text in spoken.sounds:
        read = processor.feature_extractor(wave, sampling_rate=SAMPLE_RATE)
        name = "input_features" if whisper else "input_values"
        rows.append({name: read[name][0], "labels": processor.tokenizer(text).input_ids})
    return rows


def _whisper_collator(processor: Any, start: int) -> Callable[[list[dict]], dict[str, torch.Tensor]]:
    def collate(rows: list[dict]) -> dict[str, torch.Tensor]:
        batch = processor.feature_extractor.pad([{"input_features": r["input_features"]} for r in rows], return_tensors="pt")
        labels = _padded_labels(processor, rows)
        if bool((labels[:, 0] == start).all()):  # the network puts it there itself
            labels = labels[:, 1:]
        return {"input_features": batch["input_features"], "labels": labels}

    return collate


def _ctc_collator(processor: Any) -> Callable[[list[dict]], dict[str, torch.Tensor]]:
    def collate(rows: list[dict]) -> dict[str, torch.Tensor]:
        batch = processor.feature_extractor.pad(
            [{"input_values": r["input_values"]} for r in rows], padding=True, return_tensors="pt"
        )
        return {**batch, "labels": _padded_labels(processor, rows)}

    return collate


def _padded_labels(processor: Any, rows: list[dict]) -> torch.Tensor:
    padded = processor.tokenizer.pad([{"input_ids": r["labels"]} for r in rows], return_tensors="pt")
    return padded.input_ids.masked_fill(padded.attention_mask.ne(1), IGNORED)


def _word_errors(processor: Any, whisper: bool) -> Callable[[Any], dict[str, float]]:
    def compute(predicted: Any) -> dict[str, float]:
        pad = processor.tokenizer.pad_token_id
        ids, labels = (values.copy() for values in (predicted.predictions, predicted.label_ids))
        ids[ids == IGNORED], labels[labels == IGNORED] = pad, pad
        apart = {} if whisper else {"group_tokens": False}  # the labels' double letters are meant
        heard = processor.tokenizer.batch_decode(ids, skip_special_tokens=True)
        said = processor.tokenizer.batch_decode(labels, skip_special_tokens=True, **apart)
        return {"wer": score(said, heard).wer.rate}

    return compute
