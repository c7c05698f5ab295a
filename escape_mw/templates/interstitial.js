(function () {
  var main = document.querySelector("main"), state = document.getElementById("state");
  var steps = [].slice.call(document.querySelectorAll(".step")), current = 0, timer = 0;

  function show(number) {
    current = number;
    steps.forEach(function (step, at) { step.classList.toggle("now", at === number); });
  }

  function failed() {
    timer = 0;
    if (document.hidden) return;
    state.textContent = state.dataset.failed;
    if (current < steps.length) show(current + 1);
    if (current === steps.length) document.querySelector(".menu").classList.add("first");
  }

  function wait(link) {
    clearTimeout(timer);
    timer = setTimeout(failed, Number(link.dataset.settle));
  }

  function once() {
    try {
      var key = "escape." + main.dataset.visit;
      if (sessionStorage.getItem(key)) return false;
      sessionStorage.setItem(key, "1");
    } catch (ignored) {}
    return true;
  }

  steps.forEach(function (step) {
    var link = step.querySelector("a");
    link.addEventListener("click", function (event) {
      if (timer) return event.preventDefault();
      if ("window" in link.dataset) {
        event.preventDefault();
        window.open(link.href, "_blank");
      }
      wait(link);
    });
  });

  function left() { clearTimeout(timer); timer = 0; }
  document.addEventListener("visibilitychange", function () { if (document.hidden) left(); });
  window.addEventListener("pagehide", left);

  var copy = document.getElementById("copy"), text = document.getElementById("link");
  function copied() { copy.textContent = state.textContent = copy.dataset.copied; }
  function copyByHand() {
    var range = document.createRange(), selection = getSelection();
    range.selectNodeContents(text);
    selection.removeAllRanges();
    selection.addRange(range);
    if (document.execCommand("copy")) copied();
  }
  copy.hidden = false;
  copy.addEventListener("click", function () {
    if (navigator.clipboard) navigator.clipboard.writeText(text.textContent).then(copied, copyByHand);
    else copyByHand();
  });

  document.documentElement.classList.add("js");
  show(0);
  var parts = location.search.slice(1).split("&");
  var rest = parts.filter(function (part) { return part.split("=")[0] !== main.dataset.marker; });
  if (rest.length < parts.length) history.replaceState(history.state, "", location.pathname + (rest.length ? "?" + rest.join("&") : "") + location.hash);
  var first = steps[0] && steps[0].querySelector("a");
  if (first && first.dataset.trigger === "auto" && once()) {
    wait(first);
    location.href = first.href;
  }
})();
