// Why the browser gives no microphone, as <html data-microphone="insecure|denied|none|busy">: the style sheet shows the sentence
// for it beside every recorder (demo/show/markup.py). `attune.stream` is the last stream that a recorder was given.
(() => {
  const CASES = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none" };
  const page = document.documentElement;
  const devices = navigator.mediaDevices;
  let pressed = null; // the record button pressed last

  const missing = () => page.dataset.microphone;
  const say = (why) => (why ? (page.dataset.microphone = why) : delete page.dataset.microphone);

  // The sentence beside the button that was pressed comes into view; there is one at every recorder.
  function point() {
    for (let around = pressed; around; around = around.parentElement) {
      const sentence = around.querySelector(".no-microphone");
      if (sentence) return sentence.scrollIntoView({ block: "nearest" });
    }
  }

  // Opens the file dialogue of an upload button, or of a recorder that also takes files.
  function upload(place) {
    if (place.matches("button")) return place.click();
    const dialogue = () => place.querySelector("input[type=file]");
    if (!dialogue()) place.querySelector("[data-testid=source-select] button")?.click();
    setTimeout(() => dialogue()?.click());
  }

  // On the window, to know the button before the reading panel's script asks for the microphone.
  window.addEventListener("click", (event) => {
    const instead = event.target.closest(".no-microphone [data-upload]");
    if (instead) upload(document.getElementById(instead.dataset.upload));
    if (!event.isTrusted || !event.target.closest(".record-button, #record")) return;
    pressed = event.target;
    if (!devices) point();
  }, true);

  window.attune ??= {};
  window.attune.stream = null;
  if (!devices) return say(window.isSecureContext ? "none" : "insecure");

  const ask = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    try {
      window.attune.stream = await ask(wanted);
      say(null);
      return window.attune.stream;
    } catch (error) {
      say(CASES[error.name] ?? "busy");
      point();
      throw error; // the recorder needs to know too
    }
  };

  async function look() {
    const found = await devices.enumerateDevices();
    const some = found.some((device) => device.kind === "audioinput");
    if (some ? missing() === "none" : !missing()) say(some ? null : "none");
  }

  async function watch() {
    const permission = await navigator.permissions.query({ name: "microphone" });
    const heed = () => (permission.state === "denied" ? say("denied") : missing() === "denied" && say(null));
    permission.addEventListener("change", heed);
    heed();
  }

  devices.addEventListener("devicechange", look);
  // Some browsers do not tell a page about this permission; there, only pressing Record shows that it is denied.
  watch().catch(() => {}).then(look);
})();
