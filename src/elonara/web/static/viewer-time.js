/* The time of an event on the viewer's own clock, for a first visit, when the site does not know the zone yet.
   Loaded right behind the line that it fills, so that nothing moves. The sentences are those of web/parts/times.py. */
(() => {
  "use strict";
  const line = document.getElementById("viewer-time");
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!line || !here) return;
  const { starts, ends, zone } = line.dataset;
  const city = (name) => name.split("/").pop().replaceAll("_", " ");

  const on = (moment, timeZone) => {
    const found = {};
    const names = { weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" };
    const format = new Intl.DateTimeFormat("en-GB", { ...names, hourCycle: "h23", timeZone });
    for (const { type, value } of format.formatToParts(new Date(moment))) found[type] = value;
    found.time = found.hour + ":" + found.minute;
    found.date = found.weekday + " " + found.day + " " + found.month;
    return found;
  };
  const same = (one, other) => one.date === other.date && one.year === other.year;
  const span = (start, end) => {
    if (!end) return start.time;
    return start.time + " to " + (same(start, end) ? "" : end.date + ", ") + end.time;
  };

  let there, mine;
  try {
    there = on(starts, zone);
    mine = on(starts, here);
  } catch {
    return; /* a zone that this browser does not know */
  }
  if (same(there, mine) && there.time === mine.time) {
    line.textContent = city(zone) + (here === zone ? " time." : " time, the same as yours.");
    return;
  }
  const theirSpan = span(there, ends && on(ends, zone));
  const mySpan = span(mine, ends && on(ends, here));
  if (!("online" in line.dataset)) {
    const day = same(there, mine) ? "" : mine.date + ", ";
    line.textContent = city(zone) + " time. For you in " + city(here) + ": " + day + mySpan + ".";
    return;
  }
  const thisYear = String(new Date().getFullYear());
  const year = mine.year === thisYear ? "" : " " + mine.year;
  const day = same(there, mine) ? "" : there.date + ", ";
  line.previousElementSibling.firstElementChild.textContent = mine.date + year + ", " + mySpan;
  line.textContent = "Your time, " + city(here) + ". In " + city(zone) + " it is " + day + theirSpan + ".";
  const leaf = line.closest(".fact").querySelector("time.date");
  leaf.querySelector("span").textContent = mine.month.slice(0, 3);
  leaf.querySelector("b").textContent = mine.day;
})();
