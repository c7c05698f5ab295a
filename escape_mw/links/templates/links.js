// Catches a tap on a plain link to a destination in force, in a host app's webview, and sends it to GO of this site.
// TOKENS are the host apps', HOSTS the destinations': both are put in from the rules. The page and its links stay as they are.
(function (tokens, hosts) {
  var tag = document.currentScript, agent = navigator.userAgent.toLowerCase(), event = "escape-links";
  var pending = 0, timer, last, lastAt, passing;
  if (!tag || top !== window) return;
  var data = tag.dataset, isInserted = data.visit !== undefined;
  // React 18 hydrates a whole document only if nothing foreign stands in its head.
  tag.remove();
  // An inserted tag is for those whom the server has recognised; one that is put in by hand has to look for itself.
  if (!isInserted && !tokens.some(function (token) { return agent.indexOf(token) >= 0; })) return;
  // One instance on a page, and no global to know it by: the first one cancels the second one's question.
  if (!dispatchEvent(new Event(event, {cancelable: true}))) return;
  addEventListener(event, function (asked) { asked.preventDefault(); });

  // The attribute, not tag.src: that one is resolved against a <base> that stands behind the tag.
  var timing = performance.timing, slow = timing.responseStart - timing.navigationStart;
  var go = new URL("go", new URL(tag.getAttribute("src"), location.href)).href;

  function isListed(name) { return hosts.indexOf(" " + name + " ") >= 0; }

  // The URL of what a link or a call names, nothing where it has a port or a user, or its host is none of
  // ours: a host by its name, or by what stands behind one of its dots; "!" excludes one from that.
  function known(address) {
    try {
      var url = new URL(address, document.baseURI), host = url.hostname;
      if (/^https?:..[^/:@]+\//.test(url.href) && url.href.length < 1800 && host !== location.hostname && !isListed("!" + host))
        for (var at = 0; at >= 0; at = host.indexOf(".", at + 1)) if (isListed((at ? "*" : "") + host.slice(at))) return url.href;
    } catch (ignored) {}
  }

  // A detached link that is clicked: WebKit reports it as a tapped link with the visitor's gesture, where a script's
  // location = is another kind of navigation. Its referrer tells the page, whatever the page's own policy is.
  function follow(address) {
    var link = document.createElement("a");
    link.href = address;
    link.target = "_self";
    link.referrerPolicy = "same-origin";
    link.click();
  }

  function address(url, after) {
    return go + "?u=" + encodeURIComponent(url) + (after ? "&after=" + after : "") + (isInserted ? "&visit=" + encodeURIComponent(data.visit) : "");
  }

  function isGesture(click) {
    var activation = navigator.userActivation;
    return click && click.isTrusted || !activation || activation.isActive;
  }

  // Whether this tap is ours now. It goes once the page's own listeners have had it: in WebKit, the last navigation wins.
  function take(url, gesture) {
    var now = Date.now();
    if (!url) return false;
    // A second tap, or the page's own handler of this one.
    if (url === last && now - lastAt < 1000) return true;
    last = url;
    lastAt = now;
    var number = ++pending;
    function fire() {
      removeEventListener("click", fire);
      if (number !== pending) return;
      pending += 1;
      clearTimeout(timer);
      follow(address(url, gesture ? data.after : "none"));
      // Still here after a while: nothing has opened, and the page of the next step takes over. A site that was slow to
      // send the page may be slow to answer the tap.
      if (gesture) timer = setTimeout(function () {
        if (!document.hidden) follow(address(url, "first"));
      }, (Number(data.settle) || 2500) + Math.min(2 * slow, 5000));
    }
    addEventListener("click", fire);
    setTimeout(fire, 0);
    return true;
  }

  // Elements and variables have their names there too.
  function isFrame(name) {
    return (frames[name] || 0).top;
  }

  addEventListener("click", function (click) {
    if (click.defaultPrevented || click.button || click.ctrlKey || click.metaKey || click.shiftKey || click.altKey) return;
    var path = click.composedPath ? click.composedPath() : [click.target];
    var link = path.filter(function (node) { return node.href && (node.localName === "a" || node.localName === "area"); })[0];
    if (!link) return;
    // In SVG, an address is an object.
    var url = known(link.href.baseVal === undefined ? link.href : link.href.baseVal);
    if (link.hasAttribute("download") || isFrame(link.getAttribute("target"))) letPass();
    // Prevented at once, so that a tracker does not navigate by itself a moment later.
    else if (take(url, isGesture(click))) click.preventDefault();
  }, true);

  // What is no tap on a link: the navigation that comes of it is the page's own.
  function letPass() {
    passing = true;
    setTimeout(function () { passing = false; }, 100);
  }
  addEventListener("submit", letPass, true);

  var open = window.open;
  window.open = function (url, name) {
    return !isFrame(name) && take(known(url), isGesture()) ? window : open.apply(window, arguments);
  };

  // Where the engine tells: the page's own location = for a tap that is ours comes to nothing, and one for another is caught.
  if (window.navigation) navigation.addEventListener("navigate", function (change) {
    if (passing || !change.cancelable || change.downloadRequest != null) return;
    if (take(known(change.destination.url), isGesture())) change.preventDefault();
  });

  function left() { clearTimeout(timer); }
  document.addEventListener("visibilitychange", left);
  addEventListener("pagehide", left);
})(TOKENS, HOSTS);
