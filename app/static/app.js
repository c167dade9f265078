// Small comforts; every page works without this file.
(() => {
  "use strict";
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("a"));

  const moveRow = (step) => {
    const all = rows();
    if (!all.length) return;
    const here = all.indexOf(document.activeElement.closest("tr"));
    const next = all[Math.min(Math.max(here + step, 0), all.length - 1)];
    next.querySelector("a").focus();
  };

  const keys = {
    "/": () => document.querySelector("input[type=search]")?.focus(),
    "j": () => moveRow(1),
    "k": () => moveRow(-1),
    "?": () => document.getElementById("keys")?.showModal?.(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // One-time links are shown once: a button copies what stands in the field before it.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Press Ctrl+C";
    }
  });

  // An element that asks for its own news must not take away what is being written in
  // it, or close what stands open.
  const isUnsent = (field) => field.value !== field.defaultValue && field.type !== "hidden";
  const isInUse = (part) =>
    part.querySelector(".menu-of-one[open]") ||
    [...part.querySelectorAll("textarea, input")].some((field) => isUnsent(field) || field === document.activeElement);
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, target } = event.detail;
    if (elt === target && elt.matches("[hx-trigger^='every']") && isInUse(elt)) event.preventDefault();
  });
  let opened = [];
  document.addEventListener("htmx:beforeSwap", () => {
    opened = [...document.querySelectorAll("details[open][id]")].map((details) => details.id);
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const id of opened.splice(0)) document.getElementById(id)?.setAttribute("open", "");
  });

  document.addEventListener("htmx:sendError", () => {
    const notices = document.getElementById("notices");
    const line = document.createElement("p");
    line.className = "notice bad";
    line.textContent = "No connection. Nothing was changed; try again when you are back online.";
    notices.replaceChildren(line);
  });
})();
