// Puts Gradio's own texts (buttons, messages, names for screen readers) into the page's language.
//
// Gradio chooses its language by the browser's, and part of its texts is English in every language. Here its language is always
// English, whatever the browser's; then each text in the list is replaced by the page's wording, as soon as it appears and before
// it is painted. The page's own texts and what people wrote are left alone: only Gradio's parts are searched.
(() => {
  const { language, texts } = JSON.parse(document.currentScript.dataset.words);
  const root = document.documentElement;
  const TEXT_IN = ".audio-container, .upload-container, .file-preview-holder, .toast-body, [data-testid=block-info], "
    + "[data-testid=status-tracker], .sr-only, .overflow-menu, .icon-button-wrapper";
  const OWN = ".html-container, .token, .options";  // the page's own markup; names that people chose
  const NAMES = ["aria-label", "aria-valuetext", "title", "placeholder", "alt"];
  const DECIMALS = 1;  // Gradio names the seconds that its buttons skip with up to seventeen

  for (const name of ["language", "languages"]) {
    Object.defineProperty(navigator, name, { configurable: true, get: () => (name === "language" ? "en" : ["en"]) });
  }
  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const exact = new Map(), patterns = [];
  for (const [from, to] of texts) {
    const fields = [...from.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    if (!fields.length) exact.set(from, to);
    else patterns.push([new RegExp(`^${from.split(/\{\w+\}/).map(escaped).join("(.+?)")}$`), fields, to]);
  }

  function worded(text) {
    const said = text.trim().replace(/\s+/g, " ");
    if (exact.has(said)) return exact.get(said);
    for (const [pattern, fields, to] of patterns) {
      const found = pattern.exec(said);
      if (found) return to.replace(/\{(\w+)\}/g, (_, name) => short(found[1 + fields.indexOf(name)]));
    }
    return null;
  }

  const short = (value) => (/^\d+\.\d+$/.test(value) ? String(Number(Number(value).toFixed(DECIMALS))) : value);

  function replaceText(node) {
    const parent = node.parentElement;
    if (!parent || !parent.closest(TEXT_IN) || parent.closest(OWN)) return;
    const to = worded(node.data);
    if (to !== null && to !== node.data.trim()) node.data = node.data.replace(node.data.trim(), () => to);
  }

  function replaceNames(element) {
    if (element.closest(OWN)) return;
    for (const name of NAMES) {
      if (!element.hasAttribute(name)) continue;
      const said = element.getAttribute(name), to = worded(said);
      if (to !== null && to !== said) element.setAttribute(name, to);
    }
  }

  function replaceIn(node) {
    if (node.nodeType === Node.TEXT_NODE) return replaceText(node);
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    replaceNames(node);
    for (const child of node.childNodes) replaceIn(child);
  }

  new MutationObserver((changes) => {
    if (root.lang !== language) root.lang = language;  // Gradio puts its own there
    for (const change of changes) {
      if (change.type === "childList") change.addedNodes.forEach(replaceIn);
      else if (change.type === "characterData") replaceText(change.target);
      else replaceNames(change.target);
    }
  }).observe(root, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: [...NAMES, "lang"] });
  root.lang = language;
})();
