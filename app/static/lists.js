// Lists: news must not close what one has opened, nor lose what one has ticked.
(() => {
  "use strict";
  const listing = () => document.getElementById("listing");
  const isBusy = (list) =>
    list.querySelector("details[open], input[name=id]:checked, input[name=all]:checked") ||
    (list.contains(document.activeElement) && document.activeElement.closest("form, input, select"));

  // A list that asks for its own news waits while somebody works in it.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const list = listing();
    if (list && event.target === list && isBusy(list)) event.preventDefault();
  });

  // Whoever moves through the rows by keyboard stays where they are.
  let stood = null;
  document.addEventListener("htmx:beforeSwap", () => {
    const here = document.activeElement;
    stood = listing()?.contains(here) ? here.getAttribute("href") : null;
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!stood) return;
    listing()?.querySelector(`tbody a[href="${CSS.escape(stood)}"]`)?.focus();
    stood = null;
  });

  // How many rows are ticked is said, and heard.
  const boxes = () => [...document.querySelectorAll("#listing input[name=id]")];
  const sayChosen = () => {
    const line = document.getElementById("chosen");
    if (!line) return;
    const ticked = boxes().filter((box) => box.checked).length;
    const all = document.querySelector("#bulk input[name=all]").checked;
    line.textContent = all ? "All that is shown is chosen, on every page"
      : ticked ? `${ticked} chosen` : "Tick rows to act on them";
    const every = document.getElementById("pick-all");
    every.hidden = false;
    every.checked = ticked > 0 && ticked === boxes().length;
    every.indeterminate = ticked > 0 && ticked < boxes().length;
  };
  document.addEventListener("change", (event) => {
    if (event.target.id === "pick-all") boxes().forEach((box) => { box.checked = event.target.checked; });
    if (event.target.matches("#pick-all, #listing input[name=id], #bulk input[name=all]")) sayChosen();
  });
  document.addEventListener("htmx:afterSettle", sayChosen);
  window.addEventListener("pageshow", sayChosen);

  const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const follow = (rel) => document.querySelector(`.pager a[rel=${rel}]`)?.click();
  const keys = {
    "x": () => document.activeElement.closest("tr")?.querySelector("input[name=id]")?.click(),
    "n": () => follow("next"),
    "p": () => follow("prev"),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const act = keys[event.key];
    if (!act || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    act();
  });

  // A small form that is open closes by Escape, and gives the focus back.
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && event.target.closest("details.tool[open], details.more[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
})();
