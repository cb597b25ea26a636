// Keeps the page that is open up to date. Without it, or where it cannot, everything works by reload.
"use strict";
(() => {
  const region = document.getElementById("live");
  const said = document.getElementById("live-said");
  if (!region || !said || !window.EventSource) return;
  const { stream, page, changed, off } = region.dataset;
  const RETRY = 60000; // Milliseconds after which it is tried again where there was no place.
  let asking = false;
  let again = false;

  const say = (text) => {
    if (said.textContent !== text) said.textContent = text;
    said.hidden = !text;
  };

  // What somebody has typed, ticked or unfolded is theirs: it is not taken away from under them.
  const isTouched = () => {
    const at = document.activeElement;
    if (at && region.contains(at) && at.matches("input, textarea, select")) return true;
    const changedBy = {
      text: (one) => one.value !== one.defaultValue,
      choice: (one) => one.checked !== one.defaultChecked,
    };
    return [...region.querySelectorAll("input, textarea")].some((one) =>
      one.type === "checkbox" || one.type === "radio" ? changedBy.choice(one) : changedBy.text(one),
    ) || [...region.querySelectorAll("details[open]")].some((one) => !one.dataset.wasOpen);
  };

  // Each page has forms with a name of their own; that alone is no news.
  const content = (of) => of.innerHTML.replace(/name="once" value="[^"]*"/g, "").replace(/ open=""/g, "");
  const note = () => region.querySelectorAll("details[open]").forEach((one) => { one.dataset.wasOpen = "yes"; });

  const put = (fresh) => {
    const at = document.activeElement;
    const where = at && region.contains(at) ? at.getAttribute("href") : null;
    region.replaceChildren(...fresh.childNodes);
    note();
    base = content(region);
    if (where) [...region.querySelectorAll("a")].find((one) => one.getAttribute("href") === where)?.focus();
  };

  const ask = async () => {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(page, { headers: { "X-Live": "1" }, cache: "no-store" });
      if (answer.redirected || !answer.ok) { say(off); return; }
      const made = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = made.getElementById("live");
      if (!fresh) { say(off); return; }
      if (content(fresh) === base) { say(""); return; }
      if (isTouched()) say(changed);
      else { put(fresh); say(""); }
    } catch { say(off); } finally {
      asking = false;
      if (again) { again = false; ask(); }
    }
  };

  const open = () => {
    const source = new EventSource(stream);
    source.addEventListener("changed", ask);
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return; // The browser tries again by itself.
      say(off);
      setTimeout(open, RETRY);
    });
    window.addEventListener("pagehide", () => source.close(), { once: true });
  };

  note();
  let base = content(region);
  window.addEventListener("pageshow", (event) => { if (event.persisted) { ask(); open(); } });
  open();
})();
