/*
 * The idle lock of the staff pages. After fifteen minutes without a hand on the keyboard the page
 * is taken out of the document, the server drops the keys, and signing in again puts it back with
 * everything that was typed. Keeps nothing outside this page: no web storage, no clipboard.
 * All tabs share one cookie: when another member signs in, the pages of the one before are given up.
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
const ASK_AGAIN = 5 * 1000;
const tabs = new BroadcastChannel("upstander-staff");
const me = form.elements.member.value;

let lastHand = Date.now();
let lastPing = Date.now();
let lastTold = 0;
let kept = null;
let locks = 0;
let meeting = false;

function tell(what) {
  tabs.postMessage({ what, member: me });
}

function send(path, fields) {
  const data = new URLSearchParams(fields);
  data.set("csrf_token", form.elements.csrf_token.value);
  return fetch(path, { method: "POST", body: data, credentials: "same-origin", redirect: "manual" });
}

/*
 * After a night the tokens of the page are too old, or another member's have taken their place: put
 * fresh ones into all its forms. Says whether that may be: not if another member is signed in.
 */
async function renew() {
  const answer = await fetch("/staff/token", { credentials: "same-origin" });
  if (!answer.ok) throw new Error("away");
  const { member, token } = await answer.json();
  if (member && member !== me) return false;
  for (const place of [document, kept?.content]) {
    for (const field of place?.querySelectorAll("input[name=csrf_token]") ?? []) field.value = token;
  }
  return true;
}

/* Once more with fresh tokens where they were refused, unless another member is signed in. */
async function insist(path) {
  const answer = await send(path, {});
  return answer.status === 400 && (await renew()) ? send(path, {}) : answer;
}

/* Nothing of this page is for whoever signed in since to find. */
function leave() {
  kept = null;
  body.replaceChildren();
  location.replace("/staff/sign-in?left=other");
}

/* Whose the session is: "mine", "ended" (or another member's by now), or "away" if nobody knows. */
async function ask() {
  lastPing = Date.now();
  try {
    const answer = await insist("/staff/stay");
    if (answer.status === 204) return "mine";
    const ended = [400, 401].includes(answer.status) || answer.type === "opaqueredirect";
    return ended ? "ended" : "away";
  } catch {
    return "away";
  }
}

/* The session ended on the server (or somebody signed out in another tab): lock here too. */
async function ping() {
  const said = await ask();
  if (said === "ended") lockPage(false);
  /* Not reachable just now: the next ping or the lock will tell. */
  return said === "mine";
}

/* The word of another tab opens nothing: the server says whether this member has a session. */
async function reopen() {
  const before = locks;
  if ((await ping()) && locks === before) unlockPage();
}

/*
 * A page of another member in this browser: one of the two is stale. The server knows which (it may
 * be the other one, if its answer was slow). Until it answers, nothing is shown and nothing is lost.
 */
async function meet() {
  if (meeting) return;
  meeting = true;
  const shown = !kept;
  lockPage(false);
  const before = locks;
  let said = await ask();
  while (said === "away") {
    await new Promise((go) => { setTimeout(go, ASK_AGAIN); });
    said = await ask();
  }
  meeting = false;
  if (said === "ended") {
    leave();
    return;
  }
  if (shown && locks === before) unlockPage();
  tell("here");
}

function handSeen(told) {
  if (kept) return;
  const now = Date.now();
  lastHand = now;
  if (!warning.hidden) hideWarning();
  if (!told && now - lastTold > TELL_EVERY) {
    lastTold = now;
    tell("hand");
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
  locks += 1;
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
    tell("lock");
    insist("/staff/lock").catch(() => {});
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
  const fields = {
    member: me,
    name: form.elements.member_name.value,
    passphrase: form.elements.unlock_passphrase.value,
    code: form.elements.unlock_code.value,
  };
  try {
    let answer = await send("/staff/unlock", fields);
    if (answer.status === 400) {
      /* Refused before the code was looked at: it has not been used up. */
      if (!(await renew())) {
        leave();
        return;
      }
      answer = await send("/staff/unlock", fields);
    }
    if (answer.status === 204) {
      /* Tokens of a member who was here in between ended with this unlock. */
      await renew().catch(() => {});
      tell("unlock");
      unlockPage();
      return;
    }
    if (answer.status === 400) words = problem.dataset.old;
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
  if (data.member !== me) {
    if (data.what === "here") meet();
    return;
  }
  if (data.what === "hand") handSeen(true);
  if (data.what === "lock") lockPage(false);
  if (data.what === "unlock" && kept) reopen();
});
tell("here");
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
