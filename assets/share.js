// The link to a run for another device: fills in the address, sends or copies it. At an address that only this computer reaches,
// <html data-loopback> shows a sentence instead.
(() => {
  const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
  const page = document.documentElement;
  if (LOOPBACK.includes(location.hostname)) page.dataset.loopback = "";
  if (navigator.share) page.dataset.shares = "";

  const address = (field) => new URL(field.dataset.path, location.origin).href;
  const fill = () => document.querySelectorAll(".share input[data-path]").forEach((field) => (field.value = address(field)));
  new MutationObserver(fill).observe(page, { childList: true, subtree: true });

  const write = (text) => navigator.clipboard?.writeText(text).then(() => true, () => false) ?? false;

  document.addEventListener("focusin", (event) => event.target.matches?.(".share input[data-path]") && event.target.select());
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.(".share button[data-share]");
    if (!button) return;
    const share = button.closest(".share"), field = share.querySelector("input[data-path]");
    if (button.dataset.share === "send") return navigator.share({ url: address(field) }).catch(() => {});  // changed their mind
    field.select();
    const copied = document.execCommand("copy") || (await write(address(field)));  // the first also where http has no clipboard
    const told = share.querySelector("[data-copied]");
    if (copied) told.textContent = told.dataset.copied;
  });
})();
