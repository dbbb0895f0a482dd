// What the pages gain with a script: the search field at the key "/", and figures that follow the ledger.
"use strict";

// Whether a key asks for the search field rather than being typed somewhere.
const asksForSearch = (event) => event.key === "/" && document.getElementById("search") &&
  !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName) && !event.ctrlKey && !event.metaKey && !event.altKey;

// The field takes the focus when the key comes up: before that, the key itself would be typed into it.
document.addEventListener("keydown", (event) => { if (asksForSearch(event)) event.preventDefault(); });
document.addEventListener("keyup", (event) => {
  if (!asksForSearch(event)) return;
  document.getElementById("search").focus();
  document.getElementById("search").select();
});

const main = document.querySelector("main[data-live]");
if (main && "EventSource" in window) {
  let asked = false;
  let again = false;
  // Reads the page once more and puts its figures in place, unless someone is typing into it.
  const refresh = async () => {
    if (asked) { again = true; return; }
    asked = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("main[data-live]");
        const open = [...main.querySelectorAll("details")].map((d) => d.open);
        if (fresh && !main.contains(document.activeElement)) {
          main.replaceChildren(...fresh.childNodes);
          [...main.querySelectorAll("details")].forEach((d, i) => { if (open[i]) d.open = true; });
          document.getElementById("live").textContent = "live";
        }
      }
    } finally {
      asked = false;
      if (again) { again = false; setTimeout(refresh, 250); }
    }
  };
  const source = new EventSource("/console/live");
  source.onopen = () => { document.getElementById("live").textContent = "live"; };
  source.onerror = () => {
    document.getElementById("live").textContent = source.readyState === EventSource.CLOSED ? "" : "reconnecting";
  };
  for (const type of main.dataset.live.split(" ")) source.addEventListener(type, refresh);
}
