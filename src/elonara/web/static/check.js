/* The Check page without reloads: the posts follow what she writes. They are composed by the server, as the button
   "Update the posts" does it without this file, so Send sends what is shown. */
(() => {
  "use strict";
  const form = document.getElementById("check");
  if (!form) return;
  const PAUSE = 700;
  const part = (root, name) => root.querySelector(`[data-part=${name}]`);
  const button = document.getElementById("update");
  let timer = 0, asking = null;
  button.hidden = true;

  const place = (fresh) => {
    const active = document.activeElement;
    for (const found of fresh.querySelectorAll("[data-part]")) {
      const old = part(form, found.dataset.part);
      if (!old || old.outerHTML === found.outerHTML) continue;
      const name = old.contains(active) ? active.name : "";
      old.replaceWith(document.adoptNode(found));
      if (name) found.querySelector(`[name="${name}"]`)?.focus({ preventScroll: true });
    }
    const wrong = part(form, "sentence").querySelector(".error");
    if (wrong) form.elements.sentence.setAttribute("aria-invalid", "true");
    else form.elements.sentence.removeAttribute("aria-invalid");
    const said = wrong || part(form, "room");
    document.getElementById("said").textContent = said.textContent.trim().replace(/\s+/g, " ");
  };
  const show = async () => {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    part(form, "posts").setAttribute("aria-busy", "true");
    const body = new URLSearchParams(new FormData(form));
    body.set("go", "preview");
    try {
      const response = await fetch(form.action, { method: "POST", body, signal: mine.signal });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("check");
      if (mine !== asking) return;
      button.hidden = Boolean(fresh);
      if (fresh) place(fresh);
    } catch {
      /* Aborted by the next change, or no answer: then the button is there, and Send asks again. */
      if (!mine.signal.aborted) button.hidden = false;
    } finally {
      if (mine === asking) part(form, "posts").removeAttribute("aria-busy");
    }
  };
  form.addEventListener("input", (event) => {
    if (event.isComposing || event.target.type === "checkbox") return;
    clearTimeout(timer);
    timer = setTimeout(show, PAUSE);
  });
  form.addEventListener("change", (event) => { if (event.target.type === "checkbox") show(); });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    asking?.abort();
  });
})();
