"""Augmentation of training clips: settings, the augmenter, and the noises and rooms it adds."""
