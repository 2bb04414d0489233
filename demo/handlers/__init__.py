"""One file a step: inputs to core to outputs. Each takes the session and plain values, and returns component values."""
