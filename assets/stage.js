// The stage: steps that fold, the bar that leads to them, where the visitor was, and presenter mode.
Object.assign((window.attune ??= {}), (() => {
  "use strict";
  const OPEN = "attune-open"; // the steps that this browser has unfolded
  const one = (selector) => document.querySelector(selector);
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const isTyping = (target) => Boolean(target?.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]"));
  let started = false; // whether this page saw a fine-tune going on

  function opened() {
    try {
      return new Set(JSON.parse(localStorage.getItem(OPEN) ?? "[]"));
    } catch {
      return new Set();
    }
  }

  function unfold(step, open) {
    step.toggleAttribute("data-open", open);
    step.querySelector(".fold")?.setAttribute("aria-expanded", String(open));
    const all = opened();
    all[open ? "add" : "delete"](step.id);
    localStorage.setItem(OPEN, JSON.stringify([...all]));
  }

  function show(element) {
    element?.scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" });
  }

  function goTo(id) {
    const step = document.getElementById(id);
    if (step?.classList.contains("step")) unfold(step, true);
    if (id === "stage") scrollTo({ top: 0, behavior: calm() ? "auto" : "smooth" });
    else show(step);
    step?.querySelector(".fold")?.focus({ preventScroll: true });
  }

  // What the bar says of a step is copied to its title; steps that were unfolded are so again.
  function restoreFolds() {
    const open = opened();
    for (const step of document.querySelectorAll(".step")) {
      if (step.dataset.known) continue;
      if (!step.querySelector(".fold")) continue;
      step.dataset.known = "yes";
      if (open.has(step.id)) unfold(step, true);
    }
    const running = one("#bar a.running"), bar = one("#bar nav");
    if (running && bar.dataset.shows !== running.hash) {
      bar.dataset.shows = running.hash; // on a phone it may be outside
      bar.scrollLeft = running.offsetLeft - bar.clientWidth / 2;
    }
    for (const link of document.querySelectorAll("#bar a")) {
      const state = one(`${link.getAttribute("href")} .fold .state`);
      if (state && state.textContent !== (link.dataset.text ?? "")) state.textContent = link.dataset.text ?? "";
    }
  }

  function read(reading) {
    const stage = one("#stage");
    if (!stage) return;
    stage.dataset.view = reading ? "reading" : "flip";
    if (reading) one("#prompt")?.scrollIntoView({ block: "nearest" });
  }

  function fit() {
    const wall = one("#wall");
    if (!wall?.hasAttribute("data-presenting")) return;
    let [low, high] = [16, innerHeight / 4];
    for (let i = 0; i < 12; i += 1) {
      const middle = (low + high) / 2;
      wall.style.setProperty("--fit", `${middle}px`);
      if (wall.scrollHeight <= wall.clientHeight && wall.scrollWidth <= wall.clientWidth) low = middle;
      else high = middle;
    }
    wall.style.setProperty("--fit", `${low}px`);
  }

  function present(now) {
    if (now && one("#stage")?.dataset.view === "reading") return; // there is no pair to be seen
    document.documentElement.toggleAttribute("data-presenting", now); // the page behind it does not scroll
    one("#wall").toggleAttribute("data-presenting", now);
    fit();
    one(now ? "#present-leave" : "#present")?.focus({ preventScroll: true });
  }

  document.addEventListener("click", (event) => {
    const fold = event.target.closest(".fold"), link = event.target.closest('a[href="#stage"], a[href^="#step-"]');
    if (fold) unfold(fold.closest(".step"), !fold.closest(".step").hasAttribute("data-open"));
    if (link) {
      event.preventDefault();
      goTo(link.getAttribute("href").slice(1));
    }
    if (event.target.closest("#read")) {
      read(true);
      setTimeout(() => one("#record")?.focus({ preventScroll: true }), 100);
    }
    if (event.target.closest("#read-done")) {
      read(false);
      one("#start")?.focus();
    }
    if (event.target.closest("#start")) read(false);
    if (event.target.closest("#present")) present(true);
    if (event.target.closest("#present-leave")) present(false);
    if (event.target.closest("#present-light")) document.body.classList.toggle("dark");
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
    const presenting = document.documentElement.hasAttribute("data-presenting");
    const key = event.key.toLowerCase();
    if (key === "p" && !event.target.closest?.("[role=option], [role=listbox]")) present(!presenting);
    else if (presenting && event.key === "Escape") present(false);
    else if (presenting && key === "l") document.body.classList.toggle("dark");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  addEventListener("resize", fit);
  new MutationObserver((changes) => {
    restoreFolds();
    if (one('#progress [data-state="running"], #progress [data-state="waiting"]')) started = true;
    if (changes.some((change) => change.target.closest?.("#headline"))) fit();
  }).observe(document, { childList: true, subtree: true });

  return {
    // The page has loaded and its sentences are there: the visitor is where they were, and a step named in the address is open.
    place(place) {
      if (!one("#stage").dataset.view) read(place === "reading"); // unless they have gone on already
      const step = location.hash.slice(1);
      if (/^step-\w+$/.test(step)) goTo(step);
    },
    // A result is shown. It comes into view once, if this page saw the fine-tune and nobody is typing.
    arrived(id) {
      if (!id || !started) return;
      started = false;
      attune.announce(one("#headline [data-said]")?.dataset.said ?? one("#progress .note")?.innerText);
      if (isTyping(document.activeElement)) return;
      one("#wall")?.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
    },
  };
})());
