// The reading panel: one button for record, stop and again, its keys, and stopping after the sentence. The recorder itself is
// Gradio's own.
Object.assign((window.attune ??= {}), (() => {
  const LISTEN_MS = 50; // between two looks at the level
  const SPEECH_DB = 12; // above the quietest so far
  const AUDIBLE_DB = -55; // of full scale; anything softer is no speech
  const BEGUN_MS = 300; // of speech, before silence ends the sentence
  const SILENCE_MS = 1000; // after speech; pauses within a short sentence read aloud are shorter
  const LONGER_MS = 15; // more of it for every character beyond SHORT: long sentences are read with pauses
  const LONGEST_MS = 3000;
  const SHORT = 60; // characters
  const FASTEST = 30; // characters a second that anyone reads; with less speech than that the sentence is not over
  const SETTLE_MS = 700; // between two presses of the button: the recorder needs a moment to begin
  let listening = null;
  let pressed = 0; // when the recorder was last started or stopped
  const KEYS = { " ": "record", r: "record", a: "record", Enter: "keep", ArrowLeft: "previous-prompt", ArrowRight: "next-prompt", Escape: "start-over" };
  const WAIT = "#keep, #previous-prompt, #next-prompt, #reading-list, #upload-take"; // while a sentence is being read
  const panel = () => document.querySelector("#reading");
  const isRecording = () => panel()?.dataset.recording === "true";

  function recorder(name) {
    const found = document.querySelectorAll(`#prompt-audio .${name}`);
    return [...found].find((button) => getComputedStyle(button).display !== "none");
  }

  function cycle() {
    const now = performance.now();
    if (now - pressed < SETTLE_MS) return; // a double click is one click
    pressed = now;
    const stop = recorder("stop-button") || recorder("stop-button-paused");
    if (stop) return stop.click();
    if (!navigator.mediaDevices) return; // assets/microphone.js says so
    recorder("record-button")?.click();
  }

  // Stops the recorder once a sentence has been said: after a second of silence that follows speech.
  function listen() {
    hush();
    const stream = attune.stream;
    if (!stream?.active || !document.querySelector("#auto input")?.checked) return;
    const context = new AudioContext(), analyser = context.createAnalyser(), samples = new Float32Array(2048);
    context.createMediaStreamSource(stream).connect(analyser);
    const characters = document.querySelector("#prompt .prompt")?.textContent.length ?? 0;
    const enough = Math.max(BEGUN_MS, (1000 * characters) / FASTEST);
    const silence = Math.min(LONGEST_MS, SILENCE_MS + LONGER_MS * Math.max(0, characters - SHORT));
    let quietest = 0, spoken = 0, silent = 0;
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const level = 10 * Math.log10(samples.reduce((sum, x) => sum + x * x, 1e-10) / samples.length);
      quietest = Math.min(quietest + 0.1, level); // forgets a silence before the room became louder, by 2 dB a second
      const isSpeech = level > Math.max(AUDIBLE_DB, quietest + SPEECH_DB);
      spoken += isSpeech ? LISTEN_MS : 0;
      silent = isSpeech ? 0 : silent + LISTEN_MS;
      if (spoken >= enough && silent >= silence) {
        hush();
        if (isRecording()) cycle();
      }
    }, LISTEN_MS);
    listening = { context, timer };
  }

  function hush() {
    if (!listening) return;
    clearInterval(listening.timer);
    listening.context.close();
    listening = null;
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
      if (now) listen();
      else hush();
    },
    // Whether the recording that has just ended is to be thrown away: the sentence was misread.
    discarded() {
      const thrown = panel().dataset.discard === "true";
      delete panel().dataset.discard;
      return thrown;
    },
  };
})());
