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
    "t": () => document.getElementById("note-text")?.focus(),
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
  const isPoll = (part) => part.matches("[hx-trigger^='every']");
  const isUnsent = (field) =>
    field.type !== "hidden" && (field.value !== field.defaultValue || field.checked !== field.defaultChecked);
  const isInUse = (part) =>
    part.querySelector(".menu-of-one[open]") ||
    [...part.querySelectorAll("textarea, input")].some((field) => isUnsent(field) || field === document.activeElement);
  document.addEventListener("htmx:configRequest", (event) => {
    // What stands inside inherits these, and is no poll: a person clicked it.
    if (isPoll(event.detail.elt)) return;
    delete event.detail.headers["X-Poll"];
    delete event.detail.parameters.seen;
  });
  let opened = [];
  document.addEventListener("htmx:beforeSwap", () => {
    opened = [...document.querySelectorAll("details[open][id]")].map((details) => details.id);
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const id of opened.splice(0)) document.getElementById(id)?.setAttribute("open", "");
  });

  // That a person waits is shown; that the page asks by itself is not.
  const loading = document.getElementById("loading");
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt } = event.detail;
    if (!isPoll(elt)) loading.classList.add("on");
    else if (isInUse(elt)) event.preventDefault();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!isPoll(event.detail.elt)) loading.classList.remove("on");
  });

  // Without a connection: said at once, and taken back when an answer comes again.
  const offline = document.getElementById("offline");
  const sayOffline = (sentence) => {
    offline.querySelector("p").textContent = sentence;
    offline.hidden = false;
  };
  const OLD = "No connection to Metricsco. What you see may be old.";
  window.addEventListener("offline", () => sayOffline(OLD));
  const lost = (event) => {
    const isSent = event.detail.requestConfig.verb !== "get";
    const unknown = " It is not known whether what you sent has arrived: look before you send it again.";
    sayOffline(OLD + (isSent ? unknown : ""));
  };
  document.addEventListener("htmx:sendError", lost);
  document.addEventListener("htmx:timeout", lost);
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, elt } = event.detail;
    if (xhr.status < 500) {
      offline.hidden = true;
    } else if (isPoll(elt) || !xhr.getResponseHeader("HX-Retarget")) {
      // Not a page of ours, or one that comes every few seconds.
      event.detail.shouldSwap = false;
      sayOffline(`Metricsco does not answer as it should (${xhr.status}). What you see may be old.`);
    }
  });
  const lookAgain = async () => {
    try {
      offline.hidden = (await fetch("/healthz", { cache: "no-store" })).ok;
    } catch {
      sayOffline("Still no connection.");
    }
  };
  window.addEventListener("online", lookAgain);
  offline.querySelector("button").addEventListener("click", lookAgain);
})();
