// Leave this page: hide, empty the forms, open the neutral page in a new tab and replace this one,
// so that Back shows what was open before us. Links inside the site replace too, for the same
// reason. Stores nothing and asks nobody.
(function () {
  "use strict";
  var leave = document.getElementById("leave");
  var presses = [];
  var alone = false;

  function hide() {
    // form.js takes away its question whether to leave: it would trap a frightened person.
    window.dispatchEvent(new Event("upstander:leaving"));
    document.body.hidden = true;
    document.title = "\u00a0";
    Array.prototype.forEach.call(document.forms, function (form) { form.reset(); });
  }

  function go(newTab) {
    // On the way already: another step back would lead past what replaces us.
    if (document.body.hidden) return;
    var address = leave.href;
    hide();
    if (newTab) window.open(address, "_blank", "noopener,noreferrer");
    var late = 0;
    function replace() {
      // Asked for twice, a neutral page that is slow to come would begin anew.
      clearTimeout(late);
      location.replace(address);
    }
    if (!history.state || !history.state.guard) {
      replace();
      return;
    }
    // Off the form's guard entry first, or Back would lead to the form. A slow device takes its time
    // for that; all that is seen of us meanwhile is the address of a page without words.
    window.addEventListener("popstate", replace);
    history.back();
    late = setTimeout(replace, 3000);
  }

  if (leave) {
    leave.addEventListener("click", function (event) {
      event.preventDefault();
      go(true);
    });
    document.addEventListener("keydown", function (event) {
      alone = event.key === "Shift" && !event.repeat && !event.ctrlKey && !event.altKey && !event.metaKey;
      if (event.key !== "Shift") presses = [];
    });
    document.addEventListener("keyup", function (event) {
      if (event.key !== "Shift" || !alone) return;
      var now = Date.now();
      presses = presses.filter(function (then) { return now - then < 5000; });
      presses.push(now);
      // No new tab: a browser opens one for a click only.
      if (presses.length === 3) go(false);
    });
  }

  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("a[href]");
    if (!link || link === leave || event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.pathname === location.pathname && link.hash) return;
    event.preventDefault();
    location.replace(link.href);
  });

  // A filled-in page must not come back out of the browser's memory.
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) location.reload();
  });
})();
