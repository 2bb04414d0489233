// For the keyboard and for screen readers: focus is never lost, and what has arrived is read out once.
Object.assign((window.attune ??= {}), (() => {
  "use strict";
  const FOCUSABLE = "a[href], button, input, select, textarea, summary, audio[controls], [tabindex]";
  const AROUND = ".audio-container, .draft-row, .stage-card, #reading, #wall, .step, #banner, main, body"; // where a neighbour is looked for, closest first
  const FIRST = ".stop-button, .play-pause-button"; // of a recorder, whose buttons take each other's place
  const SETTLE_MS = 120; // a button that is off only while its click is answered keeps the focus
  let last = null; // what had the focus, until the visitor takes it away
  let around = []; // what it is within: an element that was removed is within nothing
  let timer = 0; // of what follows when the page has changed

  const isThere = (element) =>
    !element.disabled && element.checkVisibility({ visibilityProperty: true }) && !element.closest("[inert]");
  const isUsable = (element) => isThere(element) && element.tabIndex >= 0;
  const isGone = () => last && !(last.isConnected && isThere(last)); // a panel has the focus without being a stop for Tab

  // The nearest usable element after the one that had the focus, else before it, in the smallest part of the page that has one.
  function neighbour() {
    const again = last.id && document.getElementById(last.id);
    if (again && isUsable(again)) return again;
    const mark = around.find((element) => element.isConnected) ?? document.body;
    const place = last.isConnected ? last : mark;
    for (const part of around.filter((element) => element.isConnected && element.matches(AROUND))) {
      const there = [...part.querySelectorAll(FOCUSABLE)].filter((element) => element !== last && isUsable(element));
      const follows = (element) => place.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
      const next = there.find((element) => element.matches(FIRST)) ?? there.find(follows) ?? there.at(-1);
      if (next) return next;
    }
    return null;
  }

  function keep() {
    const focused = document.activeElement ?? document.body; // browsers take the focus from what is hidden only when they draw
    if (isGone() && (focused === document.body || focused === last)) neighbour()?.focus({ preventScroll: true });
  }

  document.addEventListener("focusin", (event) => {
    last = event.target;
    around = [];
    for (let element = last.parentElement; element; element = element.parentElement) around.push(element);
  });
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest?.(`${FOCUSABLE}, label`)) last = null; // a click beside everything takes the focus away
  }, true);
  // Gradio names every radio button differently: with one name, Tab reaches the chosen one, and arrow keys the others.
  function group() {
    for (const radio of document.querySelectorAll("fieldset input[type=radio]")) {
      const name = radio.closest("fieldset").querySelector("input[type=radio]").name;
      if (radio.name !== name) radio.name = name;
    }
    for (const button of document.querySelectorAll("a > button:not([tabindex])")) button.tabIndex = -1; // one stop for one link
  }

  // Tables that are wider than a phone scroll within themselves: by keyboard, too.
  function reach() {
    for (const table of document.querySelectorAll(".scroll")) {
      if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
      else table.removeAttribute("tabindex");
    }
  }

  new MutationObserver(() => {
    group();
    timer ||= setTimeout(() => {
      timer = 0;
      reach();
      keep();
    }, SETTLE_MS);
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["disabled", "hidden", "class", "style", "inert", "name"] });

  return {
    // Reads a sentence out, once.
    announce(sentence) {
      const region = document.querySelector("#announced");
      if (!region || !sentence) return;
      region.textContent = "";
      setTimeout(() => { region.textContent = sentence; }, 50); // the same sentence again is a change, too
    },
  };
})());
