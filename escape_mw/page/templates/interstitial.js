(function () {
  "use strict";
  var main = document.querySelector("main"), state = document.getElementById("state");
  var steps = [].slice.call(document.querySelectorAll(".step")), current = 0, timer = 0, tapped = 0, last = null, fired = null, told = {}, away = false;
  var parts = location.search.slice(1).split("&");
  var rest = parts.filter(function (part) { return part.split("=")[0] !== main.dataset.marker; });
  var clean = location.pathname + (rest.join("&") ? "?" + rest.join("&") : "");

  // What happened, once each, to our own site; without data-beacon nobody is told anything.
  function tell(name, link) {
    var line = main.dataset.visit + " " + name + (link ? " " + link.dataset.technique : "");
    if (main.dataset.beacon && navigator.sendBeacon && !told[line]) told[line] = navigator.sendBeacon(main.dataset.beacon, line);
  }

  // The step of this number, or all from it to another one.
  function show(number, last) {
    current = number;
    steps.forEach(function (step, at) { step.classList.toggle("now", at >= number && at <= (last || number)); });
  }

  // The same words a second time are news again to those who listen: a blank that nobody sees makes them differ.
  function say(words) {
    state.textContent = state.textContent === words ? words + "\u00a0" : words;
  }

  // The page is still here: the hand-off failed. The next step takes the button's place; at the end, words.
  function failed() {
    timer = 0;
    if (document.hidden) return;
    say(main.dataset.failed);
    if (current + 1 < steps.length) show(current + 1);
    else document.querySelector(".menu").classList.add("first");
  }

  function wait(link, number) {
    clearTimeout(timer);
    fired = link;
    current = number;
    timer = setTimeout(failed, Number(link.dataset.settle));
  }

  // An automatic step fires once: not on a reload, nor when the host app brings the page back (storage may throw).
  function once() {
    try {
      var key = "escape " + clean, before = Number(sessionStorage.getItem(key));
      sessionStorage.setItem(key, String(Date.now()));
      return Date.now() - before > 60000;
    } catch (ignored) { return true; }
  }

  steps.forEach(function (step, at) {
    var link = step.querySelector("a");
    link.addEventListener("click", function (event) {
      if (link === last && event.timeStamp - tapped < 1000) return event.preventDefault();
      tapped = event.timeStamp;
      last = link;
      tell("tapped", link);
      wait(link, at);
      if (!link.dataset.opens) return;
      event.preventDefault();
      if (link.dataset.opens === "window") window.open(link.href, "_blank");
      else location.href = link.href;
    });
  });

  // Only a visitor who left by a hand-off has something to be told on coming back: the page may have been hidden by the
  // app that opened, or by a question that was refused, so the next step is offered beside the one that was tried. A page
  // that another one replaces is no hand-off that opened: its pagehide comes before it is hidden (both engines, measured).
  function left() {
    if (timer && document.hidden) tell("left", fired);
    away = away || timer > 0;
    clearTimeout(timer);
    timer = 0;
    last = null;
  }
  function back() {
    if (away) {
      say(main.dataset.again);
      show(current, current + 1);
    }
    away = false;
  }
  document.addEventListener("visibilitychange", function () { document.hidden ? left() : back(); });
  window.addEventListener("pagehide", left);
  window.addEventListener("pageshow", function (event) { if (event.persisted) back(); });

  var copy = document.getElementById("copy"), text = document.getElementById("link");
  function copied() { tell("copied"); copy.textContent = state.textContent = copy.dataset.copied; }
  function copyByHand() {
    var range = document.createRange(), selection = getSelection();
    range.selectNodeContents(text);
    selection.removeAllRanges();
    selection.addRange(range);
    if (document.execCommand("copy")) copied();
  }
  if (copy) {
    copy.hidden = false;
    copy.addEventListener("click", function () {
      if (navigator.clipboard) navigator.clipboard.writeText(text.textContent).then(copied, copyByHand);
      else copyByHand();
    });
  }

  var stay = document.querySelector(".stay a");
  if (stay) stay.addEventListener("click", function () { tell("continued"); });

  document.documentElement.classList.add("js");
  show(0);
  // Our marker leaves the address, or the one for the menu's way out takes its place, where arrivals are counted.
  var byHand = main.dataset.byHand, query = clean.indexOf("?") < 0 ? "?" : "&";
  var address = clean + (byHand ? query + main.dataset.marker + "=" + byHand : "");
  if (byHand || rest.length < parts.length) history.replaceState(history.state, "", address + location.hash);

  // Last of all: whatever navigates here ends the page's own script (both engines, measured).
  var first = steps[0] && steps[0].querySelector("a");
  if (first && first.dataset.trigger === "auto" && once()) {
    wait(first, 0);
    tell("attempt", first);
    location.href = first.href;
  }
})();
