"""Makes a browser available for the tests: the system's, Debian's where one may install it, else Playwright's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def flags(microphone: str = "") -> list[str]:
    """Returns Chromium's arguments with which its microphone plays a wav file, or beeps, and it asks nobody anything."""
    fed = [f"--use-file-for-fake-audio-capture={microphone}"] if microphone else []
    return [
        *fed,
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        "--disable-background-networking",
    ]


def system_browser() -> str | None:
    """Returns the path of an installed Chromium or Chrome."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> int:
    """Installs a browser if there is none; tests that need one say what to do where this fails."""
    if system_browser():
        return 0
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Debian's chromium for the browser tests.", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False, env=quiet)
        if system_browser():
            return 0
    print("Installing Playwright's own Chromium for the browser tests.", flush=True)
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
