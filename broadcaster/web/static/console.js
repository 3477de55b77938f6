/* Small helps; every page works without them. */
(function () {
  "use strict";
  document.documentElement.classList.add("js");

  /* Ticks: a town shows whether all, some or none of its villages are ticked. */
  function towns() {
    document.querySelectorAll(".town").forEach(function (town) {
      var whole = town.querySelector("[data-town]"), ticks = town.querySelectorAll(".villages input");
      var n = Array.prototype.filter.call(ticks, function (tick) { return tick.checked; }).length;
      whole.checked = n === ticks.length;
      whole.indeterminate = n > 0 && n < ticks.length;
    });
  }

  /* Drafts: what was typed stays on this machine until it is saved. */
  function key(form) { return "draft:" + form.dataset.draft; }
  function form() { return document.querySelector("form[data-draft]"); }
  function keep() {
    var one = form();
    if (!one) return;
    var kept = { targets: [] };
    ["title", "text"].forEach(function (name) { kept[name] = one.elements[name].value; });
    one.querySelectorAll(".villages input:checked").forEach(function (tick) { kept.targets.push(tick.value); });
    try { localStorage.setItem(key(one), JSON.stringify(kept)); } catch (_) { /* full or forbidden: then not */ }
  }
  function bring() {
    var one = form(), kept = null;
    if (!one || one.elements.title.value || one.elements.text.value) return;
    try { kept = JSON.parse(localStorage.getItem(key(one))); } catch (_) { return; }
    if (!kept || !(kept.title || kept.text || kept.targets.length)) return;
    one.elements.title.value = kept.title || "";
    one.elements.text.value = kept.text || "";
    one.querySelectorAll(".villages input").forEach(function (tick) { tick.checked = kept.targets.indexOf(tick.value) >= 0; });
    var said = document.getElementById("restored");
    said.textContent = one.dataset.restored;
    said.hidden = false;
  }
  function ready() {
    document.querySelectorAll("[data-js]").forEach(function (one) { one.hidden = false; });
    if (form()) towns();
  }

  document.addEventListener("change", function (event) {
    var tick = event.target;
    if (tick.matches("[data-town]")) {
      tick.closest(".town").querySelectorAll(".villages input").forEach(function (one) { one.checked = tick.checked; });
    }
    if (tick.closest("#tree")) towns();
    keep();
  }, true);
  document.addEventListener("input", function (event) {
    var chosen = event.target.dataset.chooses;
    if (chosen) document.querySelector('input[name="' + chosen + '"][value="other"]').checked = true;
    keep();
  });
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy]");
    if (!button) return;
    var field = document.querySelector(button.dataset.copy);
    field.select();
    /* On plain HTTP there is no clipboard to ask; the old way works there. */
    if (document.execCommand("copy")) button.textContent = button.dataset.done;
  });
  document.addEventListener("htmx:afterSettle", ready);
  document.addEventListener("htmx:sendError", function () {
    var trouble = document.getElementById("trouble"), said = document.createElement("p");
    said.className = "note bad";
    said.setAttribute("role", "alert");
    said.textContent = trouble.dataset.lost;
    trouble.replaceChildren(said);
    trouble.scrollIntoView();
  });
  if (document.body.dataset.saved) {
    try {
      Object.keys(localStorage).forEach(function (name) { if (name.indexOf("draft:") === 0) localStorage.removeItem(name); });
    } catch (_) { /* then it stays */ }
  }
  bring();
  ready();
})();
