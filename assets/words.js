// A word of a transcript that is pressed is heard: its stretch of the clip and no more. A list of clips can be heard whole.
(() => {
  "use strict";
  const MARGIN = 0.06; // s on either side, since aligners place a word's ends a little inside it
  const KEPT = 12; // clips whose sound and times stay in memory
  const CLIP = ".pair, .lined"; // one clip, compared or lined up
  const PATIENCE = 200; // ms before it is said that something takes time
  const times = new Map();
  const sounds = new Map();
  let context = null;
  let heard = null; // the word that sounds, and its source
  let latest = 0;
  let round = null; // of clips played one after the other

  function kept(map, key, make) {
    if (!map.has(key)) {
      const made = make();
      map.set(key, made);
      made.catch(() => map.delete(key));
      if (map.size > KEPT) map.delete(map.keys().next().value);
    }
    return map.get(key);
  }

  async function askedTimes(address) {
    const answer = await fetch(address);
    const found = await answer.json();
    if (found.error) throw Object.assign(new Error(found.error), { told: found.error });
    return found;
  }

  async function askedSound(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.statusText);
    return context.decodeAudioData(await answer.arrayBuffer());
  }

  function hush() {
    for (const audio of document.querySelectorAll(`:is(${CLIP}) audio`)) audio.pause();
    if (heard) heard.source.stop();
  }

  async function press(word) {
    const pair = word.closest(CLIP);
    const words = word.closest("[data-words]");
    const asked = words.dataset.times ?? pair.dataset.times;
    const status = pair.querySelector(".finding");
    const turn = ++latest;
    context ??= new AudioContext();
    context.resume();
    hush();
    focusOn(word);
    const slow = setTimeout(() => (status.textContent = pair.dataset.finding), PATIENCE);
    let found, sound;
    try {
      [found, sound] = await Promise.all([
        kept(times, asked, () => askedTimes(asked)),
        kept(sounds, pair.querySelector("audio").src, () => askedSound(pair.querySelector("audio").src)),
      ]);
    } catch (error) {
      status.textContent = error.told ?? pair.dataset.failed;
      return;
    } finally {
      clearTimeout(slow);
    }
    const [start, end] = found[words.dataset.words][Number(word.dataset.word)];
    const said = { word: word.firstChild.textContent, start: start.toFixed(2), end: end.toFixed(2) };
    status.textContent = pair.dataset.heard.replace(/\{(\w+)\}/g, (_, name) => said[name]);
    if (turn !== latest) return; // another word was pressed meanwhile
    const from = Math.max(0, start - MARGIN);
    const source = context.createBufferSource();
    source.buffer = sound;
    source.connect(context.destination);
    word.classList.add("sounding");
    heard = { word, source };
    source.onended = () => {
      word.classList.remove("sounding");
      if (heard && heard.source === source) heard = null;
    };
    source.start(0, from, Math.min(sound.duration, end + MARGIN) - from);
  }

  function focusOn(word) {
    for (const other of word.closest("[data-words]").querySelectorAll("[data-word]")) other.tabIndex = other === word ? 0 : -1;
    word.focus();
  }

  function move(word, key) {
    const words = [...word.closest("[data-words]").querySelectorAll("[data-word]")];
    const at = words.indexOf(word);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: words.length - 1 }[key];
    if (words[to]) focusOn(words[to]);
  }

  async function playRound(button) {
    if (round) return round.end();
    hush();
    const label = button.textContent;
    const mine = { over: false, end: () => {} };
    round = mine;
    button.textContent = button.dataset.stop;
    for (const audio of button.closest(".clip-list").querySelectorAll(".pair audio")) {
      const pair = audio.closest(".pair");
      pair.classList.add("sounding");
      pair.scrollIntoView({ block: "nearest" });
      const whole = await new Promise((done) => {
        mine.end = () => { audio.pause(); done(false); };
        audio.onended = () => done(true);
        audio.onerror = () => done(true);
        audio.onpause = () => { if (!audio.ended) done(false); };
        audio.currentTime = 0;
        audio.play().catch(() => done(audio.error !== null));
      });
      audio.onended = audio.onerror = audio.onpause = null;
      pair.classList.remove("sounding");
      if (!whole) break;
    }
    button.textContent = label;
    round = null;
  }

  document.addEventListener("click", (event) => {
    const word = event.target.closest("[data-word]");
    const button = event.target.closest(".play-all");
    if (word) press(word);
    if (button) playRound(button);
  });
  document.addEventListener("keydown", (event) => {
    const word = event.target.closest?.("[data-word]");
    if (!word || event.ctrlKey || event.metaKey || event.altKey) return;
    if (["Enter", " "].includes(event.key)) press(word);
    else if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) move(word, event.key);
    else return;
    event.preventDefault();
  });
  document.addEventListener("play", (event) => { // one sound at a time
    if (!event.target.closest?.(CLIP)) return;
    for (const audio of document.querySelectorAll(`:is(${CLIP}) audio`)) if (audio !== event.target) audio.pause();
    if (heard) heard.source.stop();
  }, true);
})();
