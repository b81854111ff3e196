/* A little help where script runs. Every page works without this file; nothing here computes a price. */
"use strict";

(() => {
  // Points: the slider and the typed box show the same number. The server tells what it costs.
  const mirror = (range) => {
    const box = document.getElementById(range.dataset.mirrors);
    if (!box) return;
    const digits = (text) => Number(text.replace(/[^0-9]/g, ""));
    range.addEventListener("input", () => { box.value = range.value; });
    range.addEventListener("change", () => { box.dispatchEvent(new Event("change", { bubbles: true })); });
    box.addEventListener("input", () => { range.value = digits(box.value); });
  };

  // Ticks of a table: one to take them all, and a bar that says how many.
  const bulk = (bar) => {
    const name = bar.dataset.bulkBar;
    const all = document.querySelector(`[data-bulk-all="${name}"]`);
    const ticks = () => [...document.querySelectorAll(`[data-bulk="${name}"]`)];
    const words = bar.querySelector("[data-count]");
    const show = () => {
      const every = ticks();
      const chosen = every.filter((tick) => tick.checked).length;
      bar.hidden = chosen === 0;
      if (words) words.textContent = words.dataset.count.replace("{count}", chosen);
      if (all) {
        all.checked = chosen > 0 && chosen === every.length;
        all.indeterminate = chosen > 0 && chosen < every.length;
      }
    };
    document.addEventListener("change", (event) => {
      if (event.target === all) ticks().forEach((tick) => { tick.checked = all.checked; });
      if (event.target === all || event.target.dataset.bulk === name) show();
    });
    show();
  };

  // The pressed button says that the server is at work. It is not disabled, so its name and value are sent.
  // A second press within eight seconds is held back; after that it may be meant, as with a download.
  const sent = new Map();
  const release = (form) => {
    const pressed = sent.get(form);
    sent.delete(form);
    if (!pressed || !pressed.button) return;
    pressed.button.removeAttribute("aria-disabled");
    pressed.button.classList.remove("is-busy");
    pressed.button.replaceChildren(...pressed.label);
  };
  const busy = (event) => {
    const form = event.target;
    const button = event.submitter;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (sent.has(form)) {
      event.preventDefault();
      return;
    }
    sent.set(form, { button, label: button ? [...button.childNodes] : [] });
    setTimeout(release, 8000, form);
    if (!button) return;
    button.setAttribute("aria-disabled", "true");
    if (!button.dataset.busy) return;
    button.classList.add("is-busy");
    button.textContent = button.dataset.busy;
  };
  // A day that is typed by half, or is none: the browser sends nothing for it, and it would be taken for empty.
  const halfTyped = (event) => {
    const box = [...event.target.elements].find((each) => each.validity && each.validity.badInput);
    if (!box) return;
    event.preventDefault();
    event.stopPropagation();
    for (let fold = box.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    box.reportValidity();
  };
  const releaseAll = () => [...sent.keys()].forEach(release);

  // A password, to be read by who types it.
  const shows = (button) => {
    const box = document.getElementById(button.dataset.shows);
    if (!box) return;
    button.addEventListener("click", () => {
      box.type = box.type === "password" ? "text" : "password";
      [button.textContent, button.dataset.other] = [button.dataset.other, button.textContent];
    });
    // What was typed leaves as a password, and is not kept as a text.
    box.form?.addEventListener("submit", () => { box.type = "password"; });
  };

  // A code, into the clipboard. Where the browser lends none, the button stays away; the text can be selected.
  const copies = (button) => {
    const words = document.getElementById(button.dataset.copy);
    if (!words || !navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(words.textContent);
      button.textContent = button.dataset.copied;
    });
  };

  // The answer to a form that was refused, under the address of the same choices: Back does not ask to send it again.
  const posted = document.querySelector("[data-address]");
  if (posted) history.replaceState(history.state, "", posted.dataset.address);
  // At the desk alike, under the address of the page that the form stood on.
  const refused = document.querySelector("[data-page-of-form]:has(.error-summary)");
  if (refused) history.replaceState(history.state, "", refused.dataset.pageOfForm);

  // What arrives with the page, or later through htmx.
  const prepare = (root) => {
    root.querySelectorAll("[data-mirrors]").forEach(mirror);
    root.querySelectorAll("[data-bulk-bar]").forEach(bulk);
    root.querySelectorAll("[data-shows]").forEach(shows);
    root.querySelectorAll("[data-copy]").forEach(copies);
    const problem = root.querySelector("[data-focus]");
    if (problem) problem.focus();
  };

  document.addEventListener("submit", halfTyped, true);
  document.addEventListener("submit", busy);
  document.addEventListener("htmx:afterRequest", releaseAll);
  document.addEventListener("htmx:load", (event) => {
    if (event.target !== document.body) prepare(event.target);
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) releaseAll(); });
  document.querySelectorAll("[data-prints]").forEach((button) => {
    button.addEventListener("click", () => window.print());
  });
  prepare(document);
})();
