// Copies the link of a new invitation: long, shown once, and never to be typed. Without script it is
// selected by one press and copied by hand.
const link = document.getElementById("link");
const button = document.getElementById("copy");
const said = document.getElementById("copied");
button.hidden = !navigator.clipboard;

button.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(link.textContent);
    said.textContent = said.dataset.done;
  } catch {
    /* Refused by the browser: selected, it can be copied by hand. */
    getSelection().selectAllChildren(link);
  }
});
