"""One folder per step: view (components), handlers (inputs -> core -> outputs), events (wiring), show (markup)."""
