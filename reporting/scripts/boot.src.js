// Decides before anything is shown whether this browser can seal. Where it cannot, or where the
// scripts after this one do not come, the page without script appears: never a dead page.
(function () {
  "use strict";
  var root = document.documentElement;
  var able =
    window.isSecureContext && window.crypto && crypto.subtle && typeof BigInt === "function" &&
    typeof TextEncoder === "function" && typeof Promise === "function" && "replaceChildren" in root && "hasOwn" in Object && "noModule" in document.createElement("script");
  if (!able) return;
  root.classList.add("js");
  setTimeout(function () {
    if (!root.classList.contains("ready")) root.classList.remove("js");
  }, 8000);
})();
