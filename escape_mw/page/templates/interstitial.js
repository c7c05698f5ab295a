(function () {
  function one(selector) { return document.querySelector(selector); }
  function all(selector) { return [].slice.call(document.querySelectorAll(selector)); }
  var root = document.documentElement, main = one("main"), words = main.dataset, state = one("#state"), menu = one(".menu");
  var links = all(".step a"), current = 0, timer, offer, tapped, last, fired, told = {}, away, gone;
  var search = location.search.slice(1);
  var rest = search.split("&").filter(function (part) { return part.split("=")[0] !== words.marker; }).join("&");
  var clean = words.home || location.pathname + (rest && "?" + rest);

  // What happened, once each, to our own site; without data-beacon nobody is told anything.
  function tell(name, link) {
    var line = words.visit + " " + name + (link ? " " + link.dataset.technique : "");
    if (words.beacon && navigator.sendBeacon && !told[line]) told[line] = navigator.sendBeacon(words.beacon, line);
  }

  // The step of this number, and all to another one beside it.
  function show(number, last) {
    current = number;
    links.forEach(function (link, at) { link.closest(".step").classList.toggle("now", at >= number && at <= (last || number)); });
  }

  // What comes after the step: the next one beside it, or the menu in words.
  function offerMore() {
    if (current + 1 < links.length) show(current, current + 1);
    else if (menu) menu.open = true;
  }

  // The same words a second time are news again to those who listen: a blank that nobody sees makes them differ.
  function say(news) {
    state.textContent = state.textContent === news ? news + "\u00a0" : news;
  }

  // The hand-off is over, whatever came of it; its button says again what it does.
  function rested() {
    clearTimeout(timer);
    clearTimeout(offer);
    timer = 0;
    if (!fired) return;
    fired.removeAttribute("aria-busy");
    fired.textContent = fired.dataset.label;
  }

  // The page is still here: the hand-off failed. The next step takes the button's place; at the end, words.
  function failed() {
    rested();
    if (document.hidden) return;
    say(fired.dataset.failed || words.failed);
    if (current + 1 < links.length) return show(current + 1);
    fired.textContent = fired.dataset.label = words.retry;
    main.className = "rows led";
    if (menu) menu.open = true;
  }

  function wait(link, number) {
    rested();
    fired = link;
    current = number;
    link.setAttribute("aria-busy", "true");
    link.textContent = link.dataset.opening || words.opening;
    timer = setTimeout(failed, link.dataset.settle);
    offer = setTimeout(offerMore, 2500);
  }

  // An automatic step fires once: not on a reload, nor when the host app brings the page back (storage may throw).
  function once() {
    try {
      var key = "escape " + clean, before = sessionStorage.getItem(key);
      sessionStorage.setItem(key, Date.now());
      return Date.now() - before > 6e4;
    } catch (ignored) { return true; }
  }

  links.forEach(function (link, at) {
    link.dataset.label = link.textContent;
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
    if (timer && document.hidden) { tell("left", fired); gone = Date.now(); }
    away = away || timer;
    rested();
    last = 0;
  }
  function back() {
    if (away) {
      if (Date.now() - gone < 2e4) tell("returned", fired);
      say(words.again);
      offerMore();
    }
    away = gone = 0;
  }
  document.addEventListener("visibilitychange", function () { document.hidden ? left() : back(); });
  addEventListener("pagehide", left);
  addEventListener("pageshow", function (event) { if (event.persisted) back(); });

  // The link itself is shown only where it cannot be copied for the visitor.
  all("[data-copy]").forEach(function (button) {
    var text = one(button.dataset.copy), label = button.textContent;
    function copied() {
      if (button.id === "copy") tell("copied");
      say(button.dataset.said || button.dataset.copied);
      button.textContent = button.dataset.copied;
      setTimeout(function () { button.textContent = label; }, 2500);
    }
    function copyByHand() {
      root.classList.add("uncopied");
      getSelection().selectAllChildren(text);
      if (!document.execCommand("copy")) return;
      root.classList.remove("uncopied");
      copied();
    }
    button.hidden = false;
    button.addEventListener("click", function () {
      if (navigator.clipboard) navigator.clipboard.writeText(text.textContent).then(copied, copyByHand);
      else copyByHand();
    });
  });

  // Artwork that does not load leaves the field behind it, and no sign of a broken image.
  all(".art img").forEach(function (image) {
    image.onerror = image.remove;
    if (image.complete && !image.naturalWidth) image.remove();
  });

  var stay = one(".stay a");
  if (stay) stay.addEventListener("click", function () { tell("continued"); });

  root.classList.add("js");
  show(0);
  // Our marker leaves the address, or the one for the menu's way out takes its place, where arrivals are counted. The
  // page that answers a tap shows the address of the page that the link stands on: the host app's menu opens that.
  var byMenu = words.menu, query = /\?/.test(clean) ? "&" : "?";
  var address = clean + (byMenu ? query + words.marker + "=" + byMenu : "");
  if (byMenu || words.home || rest !== search) history.replaceState(history.state, "", address + location.hash);

  // Last of all: whatever navigates here ends the page's own script (both engines, measured).
  var first = links[0];
  if (first && first.dataset.trigger === "auto" && once()) {
    wait(first, 0);
    tell("attempt", first);
    location.href = first.href;
  }
})();
