"""Varying training clips: the settings, what applies them, and the noises and rooms it adds."""
