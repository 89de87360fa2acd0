"use strict";
(() => {
  const rows = Array.from(document.querySelectorAll("#events tbody tr"));
  if (rows.length < 8) return;
  document.getElementById("filter").hidden = false;
  document.getElementById("words").addEventListener("input", (e) => {
    const words = e.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((w) => text.includes(w));
    }
  });
})();
