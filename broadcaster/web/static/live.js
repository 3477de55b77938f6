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
  function happened(data) {
    if (origin && data) {
      var told = {};
      try { told = JSON.parse(data); } catch (_) { /* then look */ }
      if (told.origin && told.origin !== origin) return;
    }
    soon();
  }

  /* Browsers allow six streams to one house. Of all open pages one holds a stream and tells the others;
     pages that nobody looks at give theirs up. */
  var house = window.BroadcastChannel ? new BroadcastChannel("live") : null, heardOf = 0;
  function tell(said) { if (house) house.postMessage(said); }
  function open() {
    if (source || !window.EventSource) return;
    source = new EventSource(wanted.pathname);
    NAMES.forEach(function (name) {
      source.addEventListener(name, function (event) { happened(event.data); tell({ data: event.data }); });
    });
    tell("mine");
  }
  function shut() { if (source) source.close(); source = null; }
  function leave() { if (source) { shut(); tell("gone"); } }
  if (house) house.onmessage = function (event) {
    heardOf = Date.now();
    if (event.data === "mine") shut();
    else if (event.data === "gone") setTimeout(function () { if (!document.hidden) open(); }, 300 * Math.random());
    else if (event.data.data !== undefined) happened(event.data.data);
  };
  function turn() {
    if (document.hidden) leave(); else { open(); refresh(); }
  }
  document.addEventListener("visibilitychange", turn);
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", function (event) { if (event.persisted) turn(); });
  /* What leaves no line in the log, such as a loudspeaker that went offline, shows by asking. */
  setInterval(function () {
    if (document.hidden) return;
    refresh();
    if (source) tell("alive"); else if (Date.now() - heardOf > 25000) open();
  }, 10000);
  if (!document.hidden) open();
})();
