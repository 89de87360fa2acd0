"use strict";
(() => {
  const $ = (id) => document.getElementById(id);

  // A link to a rule opens its explanation.
  const open = () => {
    const d = location.hash.startsWith("#explain-") && $(decodeURIComponent(location.hash.slice(1)));
    if (d) { d.open = true; d.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();

  const form = $("filter");
  if (!form) return;
  form.hidden = false;
  const step = 200; // rows shown at once: the browser lays out no more
  const rows = Array.from($("list").tBodies[0].rows, (tr) => ({
    tr, s: tr.dataset.s, r: tr.dataset.r, d: tr.dataset.d, x: tr.dataset.x === "1", text: null,
  }));
  let limit = step;

  const apply = () => {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const rule = $("rule").value;
    const root = $("root") ? $("root").value : "";
    const suppressed = $("suppressed") ? $("suppressed").checked : false;
    const severities = new Set(Array.from(form.querySelectorAll("[name=sev]:checked"), (c) => c.value));
    let found = 0;
    for (const row of rows) {
      let ok = severities.has(row.s) && (!rule || row.r === rule) && (!root || row.d === root) && (!row.x || suppressed);
      if (ok && words.length) {
        row.text ??= row.tr.textContent.toLowerCase();
        ok = words.every((w) => row.text.includes(w));
      }
      if (ok) found++;
      row.tr.hidden = !ok || found > limit;
    }
    $("shown").textContent = `${Math.min(found, limit)} shown of ${found} that match, ${rows.length} in all`;
    $("more").hidden = found <= limit;
  };
  const again = () => { limit = step; apply(); };
  let wait;
  $("search").addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(again, 120); });
  form.addEventListener("change", again);
  form.addEventListener("submit", (e) => e.preventDefault());
  $("more").addEventListener("click", () => { limit += 5 * step; apply(); });
  for (const a of document.querySelectorAll("[data-pick]")) {
    a.addEventListener("click", () => { $("rule").value = a.dataset.pick; again(); });
  }
  apply();
})();
