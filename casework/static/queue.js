// Keys of the queue: an extra, never the only way. Quiet inside fields and with a modifier held.
const rows = [...document.querySelectorAll("#lines tbody tr")];
const keys = document.getElementById("keys");
let at = -1;
if (rows.length) keys.hidden = false;

function go(step) {
  if (at >= 0) rows[at].classList.remove("at");
  at = Math.min(Math.max(at + step, 0), rows.length - 1);
  rows[at].classList.add("at");
  rows[at].querySelector("a.open").focus();
}

document.addEventListener("focusin", (event) => {
  const row = rows.findIndex((one) => one.contains(event.target));
  if (row < 0 || row === at) return;
  if (at >= 0) rows[at].classList.remove("at");
  at = row;
  rows[at].classList.add("at");
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input,select,textarea")) return;
  if (document.getElementById("page").hidden || !rows.length) return;
  if (event.key === "j") go(1);
  else if (event.key === "k") go(-1);
  else if (event.key === "c" && at >= 0) rows[at].querySelector("button.claim")?.click();
});
