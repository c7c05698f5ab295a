(function () {
  var here = document.getElementById("here").href, state = document.getElementById("state"), timer = 0, tried = null, left = false;

  function ask(row) {
    row.classList.add("asked");
    state.textContent = row.querySelector("h3").textContent + ": what did you see?";
  }

  function tryIt(go) {
    tried = go.parentNode;
    left = false;
    clearTimeout(timer);
    history.replaceState(null, "", here + "#" + tried.id);
    timer = setTimeout(function () { if (!document.hidden) ask(tried); }, Number(go.dataset.wait));
  }

  [].forEach.call(document.querySelectorAll("a.go"), function (go) {
    go.addEventListener("click", function (event) {
      tryIt(go);
      if (go.dataset.opens === "link") return;
      event.preventDefault();
      if (go.dataset.opens === "window") window.open(go.href, "_blank");
      else location.href = go.href;
    });
  });

  document.addEventListener("visibilitychange", function () {
    if (!tried) return;
    if (document.hidden) left = true;
    else if (left) location.reload();
  });

  document.documentElement.classList.add("js");
  history.replaceState(null, "", here + location.hash);

  // Last of all: what this page was loaded to open by itself, once, for its address is clean by now.
  var fires = document.querySelector("[data-fires]");
  if (fires) {
    tryIt(fires);
    location.href = fires.dataset.fires;
  }
})();
