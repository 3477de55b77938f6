/* Keeps a part of a console page fresh: fetched again when something happened, at most twice a second. */
(function () {
  "use strict";
  var box = document.querySelector("[data-live]");
  if (!box || !window.fetch) return;
  var wanted = new URL(box.dataset.stream, location.href), origin = wanted.searchParams.get("origin");
  var source = null, due = null, last = 0, busy = false, again = false;
  var NAMES = ["delivery.changed", "announcement.planned", "announcement.released", "announcement.cancelled", "announcement.superseded", "notice.released", "origin.cancelled", "reload"];

  function opened() {
    return Array.prototype.map.call(box.querySelectorAll("details[id]"), function (one) { return [one.id, one.open]; });
  }
  function show(html) {
    /* Whoever is just choosing something is not disturbed. */
    if (box.contains(document.activeElement) && /^(INPUT|BUTTON|SELECT)$/.test(document.activeElement.tagName)) return;
    var before = opened();
    box.innerHTML = html;
    before.forEach(function (one) { var now = document.getElementById(one[0]); if (now) now.open = one[1]; });
  }
  function old(is) { box.classList.toggle("old", is); box.setAttribute("data-said", is ? box.dataset.old : ""); }
  function refresh() {
    if (busy) { again = true; return; }
    busy = true; again = false; last = Date.now();
    fetch(box.dataset.live, { headers: { "HX-Request": "true" }, credentials: "same-origin", cache: "no-store" }).then(function (answer) {
      if (answer.status === 401) { location.reload(); }
      if (!answer.ok) throw new Error(answer.status);
      return answer.text();
    }).then(function (html) { show(html); old(false); }).catch(function () { old(true); }).then(function () { busy = false; if (again) soon(); });
  }
  function soon() {
    if (due) return;
    due = setTimeout(function () { due = null; refresh(); }, Math.max(50, last + 500 - Date.now()));
  }
  function happened(event) {
    if (origin && event.data) {
      var told = {};
      try { told = JSON.parse(event.data); } catch (_) { /* then look */ }
      if (told.origin && told.origin !== origin) return;
    }
    soon();
  }
  function open() {
    if (source || !window.EventSource) return;
    source = new EventSource(wanted.pathname);
    NAMES.forEach(function (name) { source.addEventListener(name, happened); });
  }
  function turn() {
    if (document.hidden) { if (source) source.close(); source = null; } else { open(); refresh(); }
  }
  document.addEventListener("visibilitychange", turn);
  /* What leaves no line in the log, such as a loudspeaker that went offline, shows by asking. */
  setInterval(function () { if (!document.hidden) refresh(); }, 10000);
  open();
})();
