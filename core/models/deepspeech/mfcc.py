"""DeepSpeech's input: mel-frequency cepstral coefficients, computed as TensorFlow's kernels do."""

from __future__ import annotations

import math

import numpy as np
import torch

from core.audio.sound_files import SAMPLE_RATE

# feature_win_len and feature_win_step of DeepSpeech's flags.py, in samples.
WINDOW_SAMPLES = SAMPLE_RATE * 32 // 1000
STEP_SAMPLES = SAMPLE_RATE * 20 // 1000
# tensorflow/core/kernels/mfcc.cc: kDefaultFilterbankChannelCount, kDefaultLowerFrequencyLimit, kFilterbankFloor.
MEL_CHANNELS = 40
LOWEST_HERTZ = 20.0
FLOOR = 1e-12
# Not the kernel's 4000: feeding.py asks for audio_sample_rate / 2, in DeepSpeech 0.6 to 0.9 and in Coqui STT.
HIGHEST_HERTZ = SAMPLE_RATE / 2


def frame_count(samples: int) -> int:
    """Returns how many frames `mfcc` gives for a sound."""
    return max(0, samples - WINDOW_SAMPLES) // STEP_SAMPLES + 1


def mfcc(wave: np.ndarray, coefficients: int = 26) -> torch.Tensor:
    """Computes what TensorFlow's `audio_spectrogram` (magnitude squared) and `mfcc` do, in that order.

    The kernels (spectrogram.cc, mfcc_mel_filterbank.cc, mfcc_dct.cc): a periodic Hann window, whole windows only;
    triangles of height 1 on the scale 1127 * ln(1 + f / 700), over magnitudes, not over powers; the natural
    logarithm; and a DCT-II scaled by sqrt(2 / channels) throughout. They compute in double precision.

    Args:
        wave: float32 [samples] at 16 kHz, full scale 1; shorter than a window is padded with silence.
        coefficients: how many of the lowest to keep, the constant one included.

    Returns:
        float32 [frames, coefficients], a frame every 20 ms.
    """
    samples = torch.from_numpy(wave).double()
    samples = torch.nn.functional.pad(samples, (0, max(0, WINDOW_SAMPLES - len(samples))))
    windows = samples.unfold(0, WINDOW_SAMPLES, STEP_SAMPLES)
    hann = torch.hann_window(WINDOW_SAMPLES, periodic=True, dtype=torch.float64)
    magnitudes = torch.fft.rfft(windows * hann).abs()
    channels = (magnitudes @ _triangles().T).clamp(min=FLOOR).log()
    return (channels @ _cosines(coefficients).T).float()


def _triangles() -> torch.Tensor:
    """The filter bank, float64 [channels, bins]."""
    edges = [_mel(hertz) for hertz in (torch.tensor(LOWEST_HERTZ), torch.tensor(HIGHEST_HERTZ))]
    spacing = (edges[1] - edges[0]) / (MEL_CHANNELS + 1)
    centres = edges[0] + spacing * torch.arange(1, MEL_CHANNELS + 1, dtype=torch.float64)
    hertz_a_bin = SAMPLE_RATE / WINDOW_SAMPLES
    bins = _mel(torch.arange(WINDOW_SAMPLES // 2 + 1) * hertz_a_bin)
    weights = (1 - (bins - centres[:, None]).abs() / spacing).clamp(min=0)
    weights[:, : int(1.5 + LOWEST_HERTZ / hertz_a_bin)] = 0  # the kernel's own rounding: never the constant bin
    return weights


def _mel(hertz: torch.Tensor) -> torch.Tensor:
    return 1127.0 * torch.log1p(hertz.double() / 700.0)


def _cosines(coefficients: int) -> torch.Tensor:
    """The DCT, float64 [coefficients, channels]."""
    middles = torch.arange(MEL_CHANNELS, dtype=torch.float64) + 0.5
    orders = torch.arange(coefficients, dtype=torch.float64)[:, None]
    return math.sqrt(2.0 / MEL_CHANNELS) * torch.cos(orders * middles * math.pi / MEL_CHANNELS)
