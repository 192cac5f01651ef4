/* The form of an event with a preview beside it: the top of the page follows what she types. The server draws it, and
   stores nothing. A picture that she chose is shown from her own device: only Save sends it. */
(() => {
  "use strict";
  const form = document.getElementById("event-form");
  const aside = document.getElementById("event-preview");
  if (!form || !aside) return;
  const PAUSE = 500, WIDTH = 800, HEIGHT = 450;
  let timer = 0, asking = null, picture = "", chosen = 0;

  const dress = () => {
    const image = aside.querySelector("img.picture");
    if (image && picture) image.src = picture;
  };
  const show = async () => {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    const given = new FormData(form);
    given.delete("picture");
    given.set("go", "preview");
    try {
      const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(given), signal: mine.signal });
      const text = response.ok ? await response.text() : "";
      const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("[data-part=preview]");
      if (mine !== asking || !fresh) return;
      for (const cover of form.querySelectorAll("img[data-mood]")) {
        const source = fresh.getAttribute(`data-cover-${cover.dataset.mood}`);
        if (source && source !== cover.getAttribute("src")) cover.src = source;
      }
      aside.querySelector("[data-part=preview]").replaceWith(document.adoptNode(fresh));
      dress();
      aside.hidden = false;
    } catch {
      /* Aborted by the next change, or no answer: the form works without it. */
    }
  };
  const choose = async (file) => {
    const mine = (chosen += 1);
    let found = "";
    if (file) {
      try {
        const drawn = await createImageBitmap(file);
        const canvas = document.createElement("canvas");
        const scale = Math.max(WIDTH / drawn.width, HEIGHT / drawn.height);
        [canvas.width, canvas.height] = [WIDTH, HEIGHT];
        const [width, height] = [drawn.width * scale, drawn.height * scale];
        canvas.getContext("2d").drawImage(drawn, (WIDTH - width) / 2, (HEIGHT - height) * 0.6, width, height);
        found = canvas.toDataURL("image/jpeg", 0.8);
      } catch {
        /* Not a picture that this browser knows: the site says so after Save. */
      }
    }
    if (mine !== chosen) return;
    picture = found;
    show();
  };
  /* What a picture shows is asked where there is one. */
  const described = form.elements.picture_alt.closest(".field");
  const describe = () => {
    const kept = form.querySelector("img.emblem") || form.elements.picture_alt.value;
    described.hidden = !kept && !form.elements.picture.files.length && !described.querySelector(".error");
  };
  form.addEventListener("input", (event) => {
    if (event.isComposing || event.target.type === "file") return;
    clearTimeout(timer);
    timer = setTimeout(show, PAUSE);
  });
  form.addEventListener("change", (event) => {
    if (event.target.name !== "picture") return;
    describe();
    choose(event.target.files[0]);
  });

  /* The end goes with the start, as in calendars: the event stays as long as it was. Where there is none yet, it is
     suggested: most events have one. What was there when the field was entered counts, because each digit that is typed
     is a change. */
  const SUGGESTED = 3 * 3600e3;  /* what calendars are told of an event without an end */
  const { starts_at: starts, ends_at: ends, all_day: allDay } = form.elements;
  const [MINUTE, DAY] = ["YYYY-MM-DDThh:mm".length, "YYYY-MM-DD".length];
  const moment = (field) => {
    const at = Date.parse(field.value.includes("T") ? `${field.value}Z` : field.value);
    return new Date(at).getUTCFullYear() > 1999 ? at : NaN;  /* a year that is being typed passes through 0002 */
  };
  const put = (at) => { ends.value = new Date(at).toISOString().slice(0, ends.type === "date" ? DAY : MINUTE); };
  const moved = document.getElementById("end-moved");
  let suggests = !starts.value && !ends.value, from = NaN, until = NaN;
  const enter = () => { [from, until] = [moment(starts), moment(ends)]; };
  const follow = () => {
    const to = moment(starts);
    if (Number.isNaN(to)) return;
    if (suggests) put(to + (ends.type === "date" ? 0 : SUGGESTED));
    else if (until >= from) put(until + to - from);
    moved.hidden = suggests || !(until >= from) || to === from;
  };
  enter();
  ends.addEventListener("input", () => { [suggests, moved.hidden] = [false, true]; });
  starts.addEventListener("focus", enter);
  starts.addEventListener("input", follow);
  /* After the fields have become those of days, or of times again. */
  allDay.addEventListener("change", () => setTimeout(() => {
    moved.hidden = true;
    if (suggests) follow();
  }));

  form.addEventListener("submit", () => {
    clearTimeout(timer);
    asking?.abort();
  });
  describe();
  show();
})();
