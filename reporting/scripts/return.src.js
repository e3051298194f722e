// Coming back with script: the number is read here and never sent; only the mailbox token derived
// from it is. Messages are opened here, additions sealed here.

import { dateWords } from "./dates.src.js";
import { make } from "./make.src.js";
import { sender } from "./send.src.js";

(function () {
  var root = document.documentElement;
  var form = document.getElementById("return");
  if (!form || !root.classList.contains("js") || !window.upstanderSeal || !upstanderSeal.isSupported()) {
    root.classList.remove("js");
    return;
  }
  var MAX_FILE = 20 * 1024 * 1024;
  var MAX_FILES = 5;
  var MAX_JSON = 248 * 1024;
  var said = form.dataset;
  var STATUSES = { being_read: said.beingRead, question: said.question, finished: said.finished };
  var get = function (id) { return document.getElementById(id); };
  var receipt = null;
  var pending = {};

  // What is wrong, with a way to the field that it is about, if it is about one.
  function problem(words, field) {
    var box = get("problem");
    var old = document.querySelector("[aria-invalid]");
    if (old) old.removeAttribute("aria-invalid");
    box.hidden = !words;
    var place = box.querySelector("p");
    place.textContent = field ? "" : words || "";
    if (field) {
      var link = make("a", words, { href: "#" + field.id });
      link.addEventListener("click", function (event) {
        event.preventDefault();
        field.focus();
      });
      place.append(link);
      field.setAttribute("aria-invalid", "true");
    }
    if (words) {
      box.focus();
      window.scrollTo(0, 0);
    }
  }

  // The part that is shown now has the page's one main heading.
  function heading(id) {
    var old = get(id);
    var fresh = make("h1", old.textContent, { id: id, tabindex: "-1" });
    old.replaceWith(fresh);
    document.title = fresh.textContent + " – Upstander";
    fresh.focus();
  }

  function tell(words) {
    get("notice").textContent = words || "";
    get("notice").hidden = !words;
  }

  async function ask(address, content) {
    var answer = await fetch(address, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
      credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer",
    });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  // One message that does not open stops no other.
  async function open(message) {
    var shown = { day: message.day, number: 0, text: "", status: "", organisation: "" };
    try {
      var given = await upstanderSeal.openMessage(receipt, message);
      shown.text = typeof given.text === "string" ? given.text : "";
      shown.status = Object.hasOwn(STATUSES, given.status) ? given.status : "";
      shown.number = Number.isInteger(given.number) ? given.number : 0;
      shown.organisation = typeof given.organisation === "string" ? given.organisation : "";
    } catch (refused) {
      shown.text = "";
    }
    return shown;
  }

  function article(message, asked) {
    var node = make("article", "", { class: "message" });
    var day = make("p", "", { class: "day" });
    day.append(make("bdi", dateWords({ value: message.day }, said.locale)));
    node.append(day);
    if (message.text && asked) {
      var label = make("p");
      label.append(make("span", said.question, { class: "tag" }));
      node.append(label);
    }
    if (message.text) node.append(make("p", message.text, { class: "said", dir: "auto" }));
    else node.append(make("p", STATUSES[message.status] || said.unreadable));
    return node;
  }

  async function read() {
    var answer = await ask("/mailbox", { mailbox_token: upstanderSeal.b64(receipt.mailboxToken) });
    var messages = await Promise.all(answer.messages.map(open));
    messages.sort(function (a, b) { return a.day < b.day ? -1 : a.day > b.day ? 1 : a.number - b.number; });
    var latest = messages.filter(function (message) { return message.status; }).pop();
    get("messages").replaceChildren.apply(get("messages"), messages.map(function (message) {
      return article(message, message === latest && message.status === "question");
    }));
    get("nothing").hidden = messages.length > 0;
    get("state").hidden = !latest;
    if (latest) get("state").querySelector(".tag").textContent = STATUSES[latest.status];
    // Who answered has the report. A wrong choice would hand the reporter's words to strangers.
    var answered = messages.filter(function (message) { return message.organisation; }).pop();
    if (answered) chosen(answered.organisation);
  }

  form.addEventListener("submit", async function (event) {
    event.preventDefault();
    problem("");
    var button = form.querySelector("button");
    var digits;
    try {
      digits = upstanderSeal.readDigits(get("receipt").value);
    } catch (refused) {
      problem(refused.reason === "receipt-check" ? said.check : said.length, get("receipt"));
      return;
    }
    button.disabled = true;
    try {
      receipt = await upstanderSeal.deriveReceipt(digits, said.instance);
      await read();
      form.reset();
      get("receipt").value = "";
      get("ask").hidden = true;
      get("inbox").hidden = false;
      heading("t-inbox");
      window.scrollTo(0, 0);
    } catch (failed) {
      problem(said.failed);
    } finally {
      button.disabled = false;
    }
  });

  function consentOf(part) {
    var given = {};
    ["statistics", "reply"].forEach(function (name) {
      var chosen = part.querySelector('[name="consent.' + name + '"]:checked');
      if (chosen) given[name] = chosen.value === "yes";
    });
    return given;
  }

  // Words and the field they are about; nothing where all is well.
  function wrong(name, part, body, files) {
    var field = part.elements;
    if (!field.organisation.value) return [said.choose, field.organisation];
    if (files.length > MAX_FILES) return [said.many, field.file];
    if (files.some(function (file) { return file.size > MAX_FILE; })) return [said.large, field.file];
    if (new TextEncoder().encode(JSON.stringify(body)).length > MAX_JSON) return [said.long, field.what_happened];
    if (name === "consent" && !Object.keys(body.consent).length) return [said.either, part.querySelector("[type=radio]")];
    if (name === "add" && !body.answers.what_happened && !files.length) return [said.empty, field.what_happened];
    return null;
  }

  function bodyOf(name, part, files) {
    var field = part.elements.what_happened;
    var text = field ? field.value.replace(/\r\n?/g, "\n") : "";
    return {
      form: { id: said.form, version: Number(said.version) }, submitted_on: said.today, language: said.locale,
      answers: text.trim() ? { what_happened: text } : {},
      consent: name === "consent" ? consentOf(part) : {},
      request: name === "consent" ? "consent" : text.trim() ? "more" : files.length ? "files" : "more",
    };
  }

  async function add(name, part) {
    problem("");
    tell("");
    var files = part.elements.file ? Array.from(part.elements.file.files) : [];
    var slug = part.elements.organisation.value;
    var body = bodyOf(name, part, files);
    var fault = wrong(name, part, body, files);
    if (fault) {
      problem(fault[0], fault[1]);
      return;
    }
    var button = part.querySelector("button");
    button.disabled = true;
    try {
      if (!pending[name]) {
        pending[name] = sender({
          slug: slug, kind: "addition", body: body, files: files, receipt: receipt,
          say: function (what, percent) { tell((said[what] || "").replace("{percent}", percent || 0)); },
        });
      }
      var sent = pending[name];
      await sent();
      // What was typed meanwhile is not sent: it stays, as another addition.
      if (pending[name] === sent) {
        pending[name] = null;
        part.reset();
        chosen(slug);
      }
      tell(get("notice").dataset.sent);
      window.scrollTo(0, 0);
    } catch (unsent) {
      tell("");
      problem(unsent.code === "long" ? said.long : said.unsent);
    } finally {
      button.disabled = false;
    }
  }

  // Said once, it is said for both.
  function chosen(slug) {
    ["add", "consent"].forEach(function (name) {
      if (!get(name)) return;
      var field = get(name).elements.organisation;
      field.value = slug;
      // One that takes nothing any more is not in the list: back to "Choose".
      if (!field.value) field.value = "";
    });
  }

  ["add", "consent"].forEach(function (name) {
    var part = get(name);
    if (!part) return;
    part.setAttribute("method", "dialog");
    part.removeAttribute("action");
    // What changes after sealing is another addition.
    part.addEventListener("input", function (event) {
      pending[name] = null;
      if (event.target.name === "organisation") {
        pending = {};
        chosen(event.target.value);
      }
    });
    part.addEventListener("submit", function (event) {
      event.preventDefault();
      add(name, part);
    });
  });

  var erase = get("erase");
  erase.setAttribute("method", "dialog");
  erase.removeAttribute("action");
  function sure(asked) {
    get("sure").hidden = !asked;
    erase.hidden = asked;
    (asked ? get("sure") : erase.querySelector("button")).focus();
  }
  erase.addEventListener("submit", function (event) {
    event.preventDefault();
    sure(true);
  });
  get("keep").addEventListener("click", function () { sure(false); });
  get("gone").addEventListener("click", async function () {
    problem("");
    get("gone").disabled = true;
    try {
      await ask("/mailbox/erase", { mailbox_token: upstanderSeal.b64(receipt.mailboxToken) });
      receipt = null;
      get("inbox").remove();
      get("erased").hidden = false;
      heading("t-erased");
      window.scrollTo(0, 0);
    } catch (failed) {
      problem(said.failed);
      get("gone").disabled = false;
    }
  });

  form.setAttribute("method", "dialog");
  form.removeAttribute("action");
  root.classList.add("ready");
})();
