/*
 * The idle lock of the staff pages. After fifteen minutes without a hand on the keyboard the page
 * is taken out of the document, the server drops the keys, and signing in again puts it back with
 * everything that was typed. Keeps nothing outside this page: no web storage, no clipboard.
 */
"use strict";

const body = document.body;
const page = document.getElementById("page");
const lock = document.getElementById("lock");
const warning = document.getElementById("idle-warning");
const problem = document.getElementById("lock-problem");
const form = document.getElementById("unlock");
const IDLE = Number(body.dataset.idle) * 1000;
const WARNING = Number(body.dataset.warning) * 1000;
const PING_EVERY = 60 * 1000;
const TELL_EVERY = 5 * 1000;
const tabs = new BroadcastChannel("upstander-staff");

let lastHand = Date.now();
let lastPing = Date.now();
let lastTold = 0;
let kept = null;

function send(path, fields) {
  const data = new URLSearchParams(fields);
  data.set("csrf_token", form.elements.csrf_token.value);
  return fetch(path, { method: "POST", body: data, credentials: "same-origin", redirect: "manual" });
}

/* The session ended on the server (or somebody signed out in another tab): lock here too. */
async function ping() {
  lastPing = Date.now();
  try {
    const answer = await send("/staff/stay", {});
    if (answer.status === 401 || answer.type === "opaqueredirect") lockPage(false);
  } catch {
    /* Not reachable just now; the next ping or the lock will tell. */
  }
}

function handSeen(told) {
  if (kept) return;
  const now = Date.now();
  lastHand = now;
  if (!warning.hidden) hideWarning();
  if (!told && now - lastTold > TELL_EVERY) {
    lastTold = now;
    tabs.postMessage("hand");
  }
  if (!told && now - lastPing > PING_EVERY) ping();
}

function hideWarning() {
  warning.hidden = true;
  if (warning.before && warning.before.isConnected) warning.before.focus();
  warning.before = null;
}

function showWarning() {
  warning.before = document.activeElement;
  warning.hidden = false;
  document.getElementById("idle-stay").focus();
}

function lockPage(tellServer) {
  if (kept) return;
  warning.hidden = true;
  kept = {
    content: document.createDocumentFragment(),
    title: document.title,
    focus: document.activeElement,
    scroll: window.scrollY,
  };
  /* Out of the document, not only out of sight: nothing to find in the page, read aloud or print. */
  kept.content.append(...page.childNodes);
  document.title = "Upstander";
  problem.hidden = true;
  lock.hidden = false;
  document.getElementById("lock-title").focus();
  if (tellServer) {
    tabs.postMessage("lock");
    send("/staff/lock", {}).catch(() => {});
  }
}

function unlockPage() {
  if (!kept) return;
  const { content, title, focus, scroll } = kept;
  kept = null;
  page.append(content);
  document.title = title;
  lock.hidden = true;
  form.elements.unlock_passphrase.value = "";
  form.elements.unlock_code.value = "";
  lastHand = lastPing = Date.now();
  window.scrollTo(0, scroll);
  if (focus && focus.isConnected) focus.focus();
}

function look() {
  if (kept) return;
  const idle = Date.now() - lastHand;
  if (idle >= IDLE) lockPage(true);
  else if (idle >= WARNING && warning.hidden) showWarning();
}

async function unlock(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  problem.hidden = true;
  let words = problem.dataset.away;
  try {
    const answer = await send("/staff/unlock", {
      member: form.elements.member.value,
      name: form.elements.member_name.value,
      passphrase: form.elements.unlock_passphrase.value,
      code: form.elements.unlock_code.value,
    });
    if (answer.status === 204) {
      tabs.postMessage("unlock");
      unlockPage();
      return;
    }
    if (answer.status === 401) words = (await answer.json()).message;
  } catch {
    /* `words` says that the system does not answer. */
  } finally {
    button.disabled = false;
  }
  problem.textContent = words;
  problem.hidden = false;
}

for (const kind of ["keydown", "pointerdown", "input", "wheel"]) {
  /* A hand on the warning itself is its button's: hidden too early, the click would miss it. */
  addEventListener(
    kind,
    (event) => { if (!warning.contains(event.target)) handSeen(false); },
    { passive: true, capture: true },
  );
}
tabs.addEventListener("message", ({ data }) => {
  if (data === "hand") handSeen(true);
  if (data === "lock") lockPage(false);
  if (data === "unlock") unlockPage();
});
form.addEventListener("submit", unlock);
document.getElementById("idle-stay").addEventListener("click", () => {
  handSeen(false);
  ping();
});
document.getElementById("lock-now").addEventListener("submit", (event) => {
  event.preventDefault();
  lockPage(true);
});
/* Timers sleep with the machine: look at the clock again as soon as the page is seen. */
addEventListener("visibilitychange", look);
addEventListener("pageshow", look);
setInterval(look, 5000);
