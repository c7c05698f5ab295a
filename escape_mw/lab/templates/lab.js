(function () {
  var here = document.getElementById("here").href, state = document.getElementById("state"), timer = 0, tried = null, left = false;

  function ask(row) {
    row.classList.add("asked");
    state.textContent = row.id.split(".")[1] + ": what did you see?";
  }

  [].forEach.call(document.querySelectorAll("a.go"), function (go) {
    go.addEventListener("click", function (event) {
      tried = go.parentNode;
      left = false;
      clearTimeout(timer);
      history.replaceState(null, "", here + "#" + tried.id);
      if ("window" in go.dataset) {
        event.preventDefault();
        window.open(go.href, "_blank");
      }
      timer = setTimeout(function () { if (!document.hidden) ask(tried); }, Number(go.dataset.settle));
    });
  });

  document.addEventListener("visibilitychange", function () {
    if (!tried) return;
    if (document.hidden) left = true;
    else if (left) location.reload();
  });

  document.documentElement.classList.add("js");
  history.replaceState(null, "", here + location.hash);
})();
