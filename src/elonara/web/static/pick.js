/* The Pick page without reloads: ticks are saved at once, search answers while she types, lists change in place.
   Every step works without this file, by the buttons of the form. */
(() => {
  "use strict";
  const form = document.getElementById("pick");
  if (!form) return;
  const q = document.getElementById("q");
  const tray = form.querySelector("[data-part=tray]");
  const cap = Number(tray.dataset.cap);
  const QUIET = 120, KEEP_VIEW_AFTER = 1000, AGAIN_AFTER = 3000, A_PAGE = 50;
  const part = (name) => form.querySelector(`[data-part=${name}]`);
  const field = (name) => form.querySelector(`#people input[name=${name}]`).value;
  const rows = () => document.getElementById("rows");
  const boxes = () => [...form.querySelectorAll("#rows input[name=did]")];

  /* The choice. `pending` is what the server has not confirmed yet: DID → ticked. */
  const pending = new Map();
  let total = Number(tray.dataset.count), saving = null, viewChanged = false, again = 0;

  const listed = () => [...form.querySelectorAll("input[name=listed]")];
  const was = (did) => field("list") === "chosen" || listed().some((input) => input.value.split(" ").includes("+" + did));
  const mark = (did, ticked) => {
    for (const input of listed()) {
      input.value = input.value.split(" ").map((one) => (one.replace("+", "") === did ? (ticked ? "+" : "") + did : one)).join(" ");
    }
  };
  const count = () => [...pending].reduce((sum, [did, ticked]) => sum + (ticked === was(did) ? 0 : ticked ? 1 : -1), total);
  const review = () => form.querySelector(".chosen [value='list:chosen']");
  const show = (words) => {
    const number = count();
    form.querySelector(".sum").textContent = number;
    form.querySelector("[name=go][value=next]").disabled = number < 1;
    review().hidden = number < 1;
    document.getElementById("said").textContent = (words ? words + " " : "") + number + " chosen";
  };
  const trouble = (sentence) => {
    const notice = document.getElementById("trouble");
    notice.hidden = !sentence;
    if (notice.textContent !== sentence) notice.textContent = sentence;
  };
  const post = async (go, ticks) => {
    const body = new URLSearchParams({ go, list: field("list"), sort: field("sort"), q: q.value });
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.set("listed", ticks.map(([did, ticked]) => (ticked ? "" : "+") + did).join(" "));
    for (const [did, ticked] of ticks) if (ticked) body.append("did", did);
    const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true });
    if (!response.ok || response.redirected) throw new Error(response.status);
    return response.json();
  };
  const saveAll = async () => {
    while (pending.size || viewChanged) {
      const ticks = [...pending];
      viewChanged = false;
      const answer = await post("tick", ticks);
      for (const [did, ticked] of ticks) {
        if (pending.get(did) === ticked) pending.delete(did);
        mark(did, ticked);
      }
      total = answer.chosen;
      const over = document.getElementById("over");
      over.hidden = !answer.over;
      over.textContent = answer.over;
    }
  };
  /* One POST after the other; what is ticked meanwhile goes with the next. */
  const save = () => {
    clearTimeout(again);
    saving ||= saveAll()
      .then(() => trouble(""), () => {
        trouble("Not saved yet: this site does not answer. Your ticks stay here and are saved as soon as it does.");
        again = setTimeout(save, AGAIN_AFTER);
      })
      .finally(() => { saving = null; show(""); });
    return saving;
  };
  const tick = (did, ticked) => {
    pending.set(did, ticked);
    show("");
    save();
  };
  form.addEventListener("change", (event) => {
    if (event.target.name === "did") tick(event.target.value, event.target.checked);
  });
  window.addEventListener("online", save);
  window.addEventListener("pagehide", () => { if (pending.size || viewChanged) save(); });

  /* The lists. */
  let asking = null, viewTimer = 0, typing = 0;
  /* What she asked for last, which may still be on its way. */
  let view = { list: field("list"), sort: field("sort") };
  const address = (wanted) => {
    const url = new URL(form.action);
    const given = { ...view, q: q.value.trim(), ...wanted };
    for (const [name, value] of Object.entries(given)) if (value || name === "list") url.searchParams.set(name, value);
    return url;
  };
  const read = async (wanted, signal) => {
    const response = await fetch(address(wanted), { signal });
    if (!response.ok || response.redirected) throw new Error(response.status);
    return new DOMParser().parseFromString(await response.text(), "text/html");
  };
  const place = (fresh) => {
    const active = document.activeElement;
    for (const found of fresh.querySelectorAll("[data-part]")) {
      const old = part(found.dataset.part);
      if (!old || old.outerHTML === found.outerHTML) continue;
      const held = old.contains(active) ? active : null;
      old.replaceWith(document.adoptNode(found));
      if (held) {
        const same = held.id ? document.getElementById(held.id)
          : [...found.querySelectorAll(`[name="${held.name}"]`)].find((one) => one.value === held.value);
        (same || found.querySelector("h2[tabindex], input:not([type=hidden]), button") || q).focus({ preventScroll: true });
      }
    }
    settle();
  };
  const settle = () => {
    for (const box of boxes()) if (pending.has(box.value)) box.checked = pending.get(box.value);
    for (const one of form.querySelectorAll("[data-unscripted]")) one.hidden = true;
    for (const one of form.querySelectorAll("[aria-busy]")) one.removeAttribute("aria-busy");
    document.dispatchEvent(new Event("elonara:shown"));
    show("");
  };
  const list = async (wanted, { push = false } = {}) => {
    clearTimeout(typing);
    asking?.abort();
    view = { ...view, ...wanted };
    const mine = (asking = new AbortController());
    part("people").setAttribute("aria-busy", "true");
    try {
      if (pending.size) await save();
      const fresh = await read({ part: "people" }, mine.signal);
      if (mine !== asking) return;
      place(fresh);
      view = { list: field("list"), sort: field("sort") };
      if (push) {
        const { top } = part("people").getBoundingClientRect();
        if (top < 0) scrollBy({ top: top - 80, behavior: "instant" });
        history.pushState(null, "", address({}));
      } else history.replaceState(null, "", address({}));
      clearTimeout(viewTimer);
      viewTimer = setTimeout(() => { viewChanged = true; save(); }, KEEP_VIEW_AFTER);
      trouble("");
    } catch (fault) {
      if (fault.name === "AbortError") return;
      part("people").removeAttribute("aria-busy");
      trouble("The list could not be read: this site does not answer. Try again in a moment.");
    } finally {
      if (mine === asking) asking = null;
    }
  };
  const more = async (cursor, button) => {
    button.setAttribute("aria-busy", "true");
    try {
      const fresh = await read({ cursor, part: "rows" });
      const added = [...fresh.getElementById("rows").children];
      const before = listed();
      rows().append(...added);
      document.getElementById("foot").replaceWith(fresh.getElementById("foot"));
      document.getElementById("foot").append(...before);
      settle();
      added.map((one) => one.querySelector("input, button:not([hidden])")).find(Boolean)?.focus({ preventScroll: true });
    } catch {
      button.removeAttribute("aria-busy");
      trouble("More could not be read: this site does not answer. Try again in a moment.");
    }
  };

  const seek = (after) => {
    clearTimeout(typing);
    const own = view.list === "ways";
    typing = setTimeout(() => list(own ? { list: "everyone" } : {}), after);
  };
  q.addEventListener("input", (event) => {
    if (event.isComposing) return;
    /* On a phone the list is below the screen, behind keyboard and bar: what is found follows right below the search. */
    if (matchMedia("(width < 42rem)").matches) form.scrollIntoView();
    seek(QUIET);
  });
  q.addEventListener("compositionend", () => seek(QUIET));

  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    const [what, ...rest] = (button?.name === "go" ? button.value : "").split(":");
    const value = rest.join(":");
    const steps = {
      search: () => seek(0),
      list: () => list({ list: value }, { push: true }),
      sort: () => list({ sort: value }),
      cursor: () => more(value, button),
      all: () => chooseAll(button),
      drop: () => drop(value, button),
      refresh: () => refresh(button),
    };
    if (!steps[what]) return;
    event.preventDefault();
    steps[what]();
  });
  window.addEventListener("popstate", () => {
    const given = new URLSearchParams(location.search);
    if (given.get("list") !== "chosen") q.value = given.get("q") || "";
    list({ list: given.get("list") || "", sort: given.get("sort") || "" });
  });

  const chooseAll = (button) => {
    let left = cap - count();
    for (const box of boxes()) {
      if (box.checked || left <= 0) continue;
      box.checked = true;
      pending.set(box.value, true);
      left -= 1;
    }
    const rest = boxes().some((box) => !box.checked);
    show(rest ? `One send takes ${cap}.` : "");
    if (!rest) { button.hidden = true; boxes()[0]?.focus({ preventScroll: true }); }
    save();
  };
  const drop = (did, button) => {
    const row = button.closest("li");
    const near = row.nextElementSibling || row.previousElementSibling;
    row.remove();
    (near?.querySelector("button[value^='drop:']") || form.querySelector("#chosen-head"))?.focus({ preventScroll: true });
    tick(did, false);
  };
  const refresh = async (button) => {
    button.setAttribute("aria-busy", "true");
    try {
      await post("refresh", []);
      place(await read({ part: "reading" }));
      poll();
    } catch {
      button.removeAttribute("aria-busy");
      trouble("It could not be begun: this site does not answer. Try again in a moment.");
    }
  };

  /* While people are read from Bluesky: bar and counts move, the list grows until it fills a page or she is in it. */
  let polling = 0;
  const poll = () => {
    clearTimeout(polling);
    const wait = Number(part("progress")?.dataset.poll);
    if (wait) polling = setTimeout(look, wait);
  };
  const look = async () => {
    if (!document.hidden && !asking) {
      const first = Boolean(form.querySelector("progress"));
      const fresh = await read({ part: "reading" }).catch(() => null);
      if (fresh && !asking) place(fresh);
      const ended = first && !form.querySelector("progress");
      const inside = rows()?.contains(document.activeElement) || pending.size;
      if (first && !inside && field("list") !== "chosen" && (ended ? scrollY < 200 : boxes().length < A_PAGE)) await list({});
    }
    poll();
  };

  /* The keyboard: down to the people, up and down among them, Escape back to the search. */
  form.addEventListener("keydown", (event) => {
    const stops = [...(rows()?.querySelectorAll("input[name=did], button:not([hidden])") || [])];
    const at = stops.indexOf(event.target);
    const to = (one) => { event.preventDefault(); one?.focus(); };
    if (event.target === q && event.key === "ArrowDown") to(stops[0]);
    else if (at < 0) return;
    else if (event.key === "ArrowDown") to(stops[at + 1] || form.querySelector("#foot button"));
    else if (event.key === "ArrowUp") to(stops[at - 1] || q);
    else if (event.key === "Escape") { to(q); q.select(); }
    else if (event.key === "Enter" && event.target.name === "did") { event.preventDefault(); event.target.click(); }
  });

  settle();
  poll();
})();
