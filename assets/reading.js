// The reading panel: one button for record, stop and again, and its keys. The recorder itself is Gradio's own.
window.attune = (() => {
  const KEYS = { " ": "record", r: "record", a: "record", Enter: "keep", ArrowLeft: "previous-prompt", ArrowRight: "next-prompt", Escape: "start-over" };
  const WAIT = "#keep, #previous-prompt, #next-prompt, #reading-list, #upload-take"; // while a sentence is being read
  const panel = () => document.querySelector("#reading");
  const isRecording = () => panel()?.dataset.recording === "true";

  function recorder(name) {
    const found = document.querySelectorAll(`#prompt-audio .${name}`);
    return [...found].find((button) => getComputedStyle(button).display !== "none");
  }

  function cycle() {
    const stop = recorder("stop-button") || recorder("stop-button-paused");
    if (stop) return stop.click();
    if (!navigator.mediaDevices) return; // assets/microphone.js says so
    recorder("record-button")?.click();
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("#start-over") && isRecording()) panel().dataset.discard = "true";
    if (event.target.closest("#record, #start-over")) cycle();
    if (isRecording() && event.target.closest(WAIT)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);

  // A click beside the buttons gives the panel the keys, without a frame around all of it.
  document.addEventListener("pointerup", (event) => {
    const within = event.target.closest("#reading");
    if (!within || event.target.closest("button, a, input, textarea, audio, [role=option], [role=listbox]")) return;
    within.tabIndex = -1;
    within.focus({ preventScroll: true });
  });

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (!target.closest?.("#reading") || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (target.closest("input, textarea, select, audio, [contenteditable]")) return;
    const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const id = KEYS[pressed];
    const native = (pressed === " " || pressed === "Enter") && target.closest("button, a, summary");
    if (!id || (native && !(pressed === "Enter" && target.id === "record"))) return;
    const button = document.getElementById(id);
    if (pressed === "Enter" && target.id === "record" && button.disabled) return;
    if (pressed === "a" && isRecording()) return;
    if (pressed === "Escape" && !isRecording()) return;
    event.preventDefault();
    button.click();
    // The button may be switched off by its own click; the keys stay with the panel.
    panel().tabIndex = -1;
    if (id === "keep") panel().focus({ preventScroll: true });
  });

  return {
    recording(now) {
      panel().dataset.recording = String(now);
    },
    // Whether the recording that has just ended is to be thrown away: the sentence was misread.
    discarded() {
      const thrown = panel().dataset.discard === "true";
      delete panel().dataset.discard;
      return thrown;
    },
  };
})();
