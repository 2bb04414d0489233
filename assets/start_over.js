// Starting over: everything that this browser has left is forgotten, after a question.
Object.assign((window.attune ??= {}), (() => {
  "use strict";

  // Posted by script, because such requests carry the Origin header that the server checks: see `demo.server.security`.
  function forget(failed) {
    failed.hidden = true;
    fetch("/forget", { method: "POST" }).then((answer) => {
      if (!answer.ok) throw new Error(answer.statusText);
      localStorage.clear();
      window.location.assign("/");
    }).catch(() => { failed.hidden = false; });
  }

  document.addEventListener("click", (event) => {
    const dialog = document.querySelector("#start-anew");
    if (event.target.closest("#start-anew-ask")) dialog.showModal();
    if (event.target.closest("#start-anew-keep")) dialog.close();
    if (event.target.closest("#start-anew-forget")) forget(dialog.querySelector(".failed"));
  });

  // Tab stays within the question: past its last button it would reach the browser's own.
  document.addEventListener("keydown", (event) => {
    const dialog = event.target.closest?.("#start-anew[open]");
    if (!dialog || event.key !== "Tab") return;
    const buttons = [...dialog.querySelectorAll("button")], place = buttons.indexOf(event.target);
    event.preventDefault();
    buttons.at((place + (event.shiftKey ? -1 : 1)) % buttons.length).focus();
  });

  return { forget };
})());
