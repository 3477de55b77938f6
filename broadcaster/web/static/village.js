/* Keeps a village's page fresh: told by a stream where there is one, asking now and then anyway. */
(function () {
  "use strict";
  var box = document.getElementById("now"), lost = document.getElementById("lost"), age = document.getElementById("age");
  if (!box || !window.fetch) return;
  var address = "/v/" + box.dataset.village, tag = "", busy = false, again = false, due = null, source = null;

  function two(n) { return (n < 10 ? "0" : "") + n; }
  /* The service's clock in the village's time, eight hours ahead of UTC all year, whatever the phone is set to. */
  function hour(answer) {
    var at = new Date((Date.parse(answer.headers.get("Date")) || Date.now()) + 8 * 3600000);
    return two(at.getUTCHours()) + ":" + two(at.getUTCMinutes()) + ":" + two(at.getUTCSeconds());
  }
  function playing(node) {
    var sound = node && node.querySelector("audio");
    return sound && !sound.paused && !sound.ended;
  }
  /* What somebody is listening to stays as it is, unless it is over; all else is replaced. */
  function show(html) {
    var fresh = document.createElement("div"), held = Array.prototype.find.call(box.querySelectorAll("article"), playing);
    fresh.innerHTML = html;
    if (!held || !fresh.querySelector('[id="' + held.id + '"]:not(.over)')) { box.innerHTML = html; return; }
    tag = "";
    fresh.querySelectorAll("article").forEach(function (one) {
      var old = document.getElementById(one.id);
      if (!old) box.querySelector("h2").insertAdjacentElement("afterend", one);
      else if (old !== held) old.replaceWith(one);
    });
  }
  function refresh() {
    if (busy) { again = true; return; }
    busy = true; again = false;
    var told = "";
    fetch(address + "/now", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" }).then(function (answer) {
      if (answer.status !== 304 && !answer.ok) throw new Error(answer.status);
      told = hour(answer);
      if (answer.status === 304) return null;
      tag = answer.headers.get("ETag") || "";
      return answer.text();
    }).then(function (html) {
      if (html !== null) show(html);
      age.textContent = box.dataset.age.replace("@", told);
      lost.hidden = true;
    }).catch(function () { lost.hidden = false; }).then(function () { busy = false; if (again) soon(); });
  }
  /* A whole village is told in the same moment; it need not ask in the same moment. */
  function soon() { if (!due) due = setTimeout(function () { due = null; refresh(); }, 300 + Math.random() * 2700); }
  function open() {
    if (source || !window.EventSource) return;
    source = new EventSource("/api/v1/stream?village=" + box.dataset.village);
    ["village.changed", "delivery.changed", "announcement.planned", "announcement.released", "announcement.cancelled", "announcement.superseded", "reload"].forEach(function (name) { source.addEventListener(name, soon); });
  }
  /* Browsers allow six streams to one house: pages that nobody looks at give theirs up. */
  function turn() {
    if (document.hidden) { if (source) source.close(); source = null; } else { open(); refresh(); }
  }
  document.addEventListener("visibilitychange", turn);
  setInterval(function () { if (!document.hidden) refresh(); }, 15000);
  open();
})();
