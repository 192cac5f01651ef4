/* Small comforts. Every page works without this file. */
(() => {
  "use strict";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.split("; ").includes("tz=" + zone)) {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = "tz=" + zone + "; path=/; max-age=31536000; samesite=lax" + secure;
  }

  for (const field of document.querySelectorAll("[data-zone]")) {
    if (!field.value && zone) field.value = zone;
  }

  const reveal = (root) => {
    for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = !navigator.clipboard;
  };
  reveal(document);
  document.addEventListener("elonara:shown", () => reveal(document));
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 2000);
  });

  document.addEventListener("change", (event) => {
    if (event.target.name === "theme") event.target.form.requestSubmit();
  });

  /* For whole days, the fields of start and end ask for days alone. A time of day comes back when the box is cleared. */
  for (const box of document.querySelectorAll("[data-whole-days]")) {
    const turn = (event) => {
      for (const id of box.dataset.wholeDays.split(" ")) {
        const field = document.getElementById(id);
        /* A form that comes back with an error has the day alone, which a field of day and time does not show. */
        const [day, time] = (field.value || (event ? "" : field.defaultValue)).split("T");
        if (time) field.dataset.time = time;
        field.type = box.checked ? "date" : "datetime-local";
        field.value = box.checked || !day ? day : day + "T" + (field.dataset.time || "12:00");
      }
    };
    box.addEventListener("change", turn);
    if (box.checked) turn();
  }

  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button && button.dataset.busy && !event.defaultPrevented) {
      button.dataset.was = button.textContent;
      button.setAttribute("aria-busy", "true");
      button.textContent = button.dataset.busy;
    }
  });
  /* Back from another page, a button that was busy then is not busy any more. */
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("[data-was]")) {
      button.removeAttribute("aria-busy");
      button.textContent = button.dataset.was;
    }
  });

  /* A part that renews itself keeps what the reader had opened. */
  let open = new Set();
  document.addEventListener("htmx:beforeSwap", () => {
    open = new Set([...document.querySelectorAll("details[open][id]")].map((part) => part.id));
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of open) {
      const part = document.getElementById(id);
      if (part) part.open = true;
    }
    reveal(document);
  });
})();
