// The form with script: one question at a time in the same document, sealed here, sent sealed.
// Nothing is stored in the browser; what was typed leaves this page only sealed.

import { answersOf } from "./answers.src.js";
import { checkOf, wording } from "./check.src.js";
import { make } from "./make.src.js";
import { problemsOf } from "./problems.src.js";
import { sender } from "./send.src.js";

(function () {

  var root = document.documentElement;
  var form = document.getElementById("report");
  if (!form) return;
  if (!root.classList.contains("js") || !window.upstanderSeal || !upstanderSeal.isSupported()) {
    root.classList.remove("js");
    return;
  }

  var MAX_FILE = 20 * 1024 * 1024;
  var MAX_FILES = 5;
  var COUNTED = 50000;
  var said = form.dataset;
  var get = function (id) { return document.getElementById(id); };
  var steps = Array.from(form.querySelectorAll("[data-step]"));
  var intro = get("intro");
  var stage = get("stage");
  var page = intro.parentNode;
  var files = [];
  var current = 0;
  var armed = false;
  var sent = false;
  var asking = false;
  var receipt = null;
  var attempt = null;
  var read = answersOf(form, said);
  var faults = problemsOf(form, page, said);

  // A real h1 for the step in view: `aria-level` alone is not read everywhere.
  function heading(step, tag) {
    var old = step.querySelector("h1, h2");
    if (old.localName === tag) return old;
    var fresh = make(tag, "", { tabindex: "-1" });
    if (old.id) fresh.id = old.id;
    while (old.firstChild) fresh.appendChild(old.firstChild);
    old.replaceWith(fresh);
    return fresh;
  }

  function stepOf(name) {
    return steps.findIndex(function (step) { return step.contains(get("f-" + name)); });
  }

  // ---- steps

  var stepLine = make("p", "", { class: "muted", role: "status" });
  var next = make("button", said.continue, { type: "submit" });
  var back = make("button", said.back, { type: "button", class: "quiet" });
  var skip = make("button", said.skip, { type: "button", class: "link" });
  var buttons = make("div", "", { class: "buttons" });
  var checking = make("div", "", { hidden: "" });
  var status = make("p", "", { role: "status", class: "muted" });
  var CHECK = steps.length;
  var fillCheck = checkOf(form, said, steps, checking, read, function () {
    return files.map(function (file) { return file.name; });
  }, show);

  function show(index, quietly) {
    current = index;
    faults.clear();
    steps.forEach(function (step, at) {
      step.hidden = at !== index;
      if (at !== index) heading(step, "h2");
    });
    checking.hidden = index !== CHECK;
    if (index === CHECK) fillCheck();
    intro.hidden = index !== 0;
    back.hidden = index === 0;
    skip.hidden = index < 1 || index >= CHECK;
    next.textContent = index === CHECK ? said.send : said.continue;
    status.textContent = "";
    stepLine.textContent = said.step.replace("{n}", index + 1).replace("{total}", CHECK + 1);
    var at = index === CHECK ? checking : steps[index];
    var title = heading(at, "h1");
    document.title = wording(at) + " – Upstander";
    if (!quietly) {
      title.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
    if (index > 0 && !armed) {
      history.pushState({ guard: true }, "");
      armed = true;
    }
  }

  function problemsHere() {
    var problems = {};
    read.answers(problems);
    var here = {};
    Object.keys(problems).forEach(function (name) {
      if (current === CHECK || stepOf(name) === current) here[name] = problems[name];
    });
    return here;
  }

  function forward(to) {
    var problems = problemsHere();
    var names = Object.keys(problems);
    if (names.length) {
      if (current === CHECK) show(stepOf(names[0]), true);
      faults.show(problems);
      return;
    }
    if (current === CHECK) send();
    else show(to === undefined ? current + 1 : to);
  }

  // ---- files

  // The browser's own words beside the button count what is listed, not what was chosen last.
  function hold() {
    try {
      var held = new DataTransfer();
      files.forEach(function (file) { held.items.add(file); });
      get("f-files").files = held.files;
    } catch (old) {
      get("f-files").value = "";
    }
  }

  function listFiles(problem, names) {
    var wrong = get("e-files");
    wrong.textContent = problem || "";
    (names || []).forEach(function (name, index) { wrong.append(index ? " · " : " ", make("bdi", name)); });
    wrong.hidden = !problem;
    hold();
    get("chosen").replaceChildren.apply(get("chosen"), files.map(function (file, index) {
      var item = make("li");
      var name = make("bdi", file.name);
      var remove = make("button", said.remove, { type: "button", class: "quiet", "aria-label": said.remove + ": " + file.name });
      remove.addEventListener("click", function () {
        files.splice(index, 1);
        changed();
        listFiles();
        get("f-files").focus();
      });
      item.append(name, remove);
      return item;
    }));
  }

  get("f-files").addEventListener("change", function (event) {
    var problem = "";
    var over = [];
    Array.from(event.target.files).forEach(function (file) {
      if (file.size > MAX_FILE) problem = said.large;
      else if (files.length >= MAX_FILES) over.push(file.name);
      else files.push(file);
    });
    changed();
    listFiles(over.length ? said.many : problem, over);
  });

  // ---- sending

  function say(what, percent) {
    status.textContent = (said[what] || "").replace("{percent}", percent || 0);
  }

  async function send() {
    next.disabled = back.disabled = true;
    faults.clear();
    try {
      if (!receipt) receipt = await upstanderSeal.makeReceipt(said.instance);
      if (!attempt) {
        attempt = sender({
          slug: said.slug, kind: "report", files: files.slice(), receipt: receipt, say: say,
          body: {
            form: { id: said.form, version: Number(said.version) }, submitted_on: said.today, language: said.locale,
            answers: read.answers({}), consent: read.consent(),
          },
        });
      }
      finish(await attempt());
    } catch (unsent) {
      status.textContent = "";
      var box = make("div", "", { class: "problem", role: "alert", tabindex: "-1" });
      var code = unsent.code || unsent.reason;
      box.append(make("h2", said.problem), make("p", { closed: said.closed, long: said.long, "too-large": said.long }[code] || said.failed));
      page.prepend(box);
      box.focus();
      window.scrollTo(0, 0);
      next.textContent = said.again;
    } finally {
      next.disabled = back.disabled = false;
    }
  }

  // What changes after sealing is another report: new id, new key.
  function changed() {
    attempt = null;
    if (!asking) {
      asking = true;
      window.addEventListener("beforeunload", ask);
    }
  }

  function ask(event) {
    event.preventDefault();
    event.returnValue = "";
  }

  function stopAsking() {
    asking = false;
    window.removeEventListener("beforeunload", ask);
  }

  function finish(done) {
    sent = true;
    files = [];
    attempt = null;
    var end = get("finish");
    get("number").textContent = upstanderSeal.grouped(receipt.digits);
    [form, intro, stage].forEach(function (node) { node.remove(); });
    end.hidden = false;
    document.title = said.thanks + " – Upstander";
    get("go-on").addEventListener("click", stopAsking);
    get("print").addEventListener("click", function () { window.print(); });
    var proof = get("proof");
    proof.hidden = false;
    proof.querySelector("form").addEventListener("submit", function (event) {
      event.preventDefault();
      save(done.acknowledgement);
    });
    get("thanks").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  function save(acknowledgement) {
    var address = URL.createObjectURL(new Blob([JSON.stringify(acknowledgement)], { type: "application/octet-stream" }));
    var link = make("a", "", { href: address, download: "acknowledgement.json" });
    link.click();
    setTimeout(function () { URL.revokeObjectURL(address); }, 1000);
  }

  // ---- start

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    forward();
  });
  form.addEventListener("input", changed);
  back.addEventListener("click", function () { show(current - 1); });
  skip.addEventListener("click", function () { forward(CHECK); });
  window.addEventListener("popstate", function () {
    armed = false;
    if (current > 0 && !sent) show(current - 1);
  });
  window.addEventListener("upstander:leaving", function () {
    // No step back, no new guard entry, no question: exit.js is about to replace this page.
    sent = true;
    stopAsking();
  });

  var counter = get("counter");
  var counted = get("counted");
  var pause = 0;
  form.elements.what_happened.addEventListener("input", function (event) {
    var left = COUNTED - event.target.value.length;
    counter.textContent = left > 500 ? "" : (left < 0 ? said.over : said.left).replace("{n}", Math.abs(left));
    clearTimeout(pause);
    pause = setTimeout(function () { counted.textContent = counter.textContent; }, 1000);
  });

  intro.querySelector("h1").hidden = true;
  get("readers").open = false;
  stage.hidden = false;
  stage.append(stepLine);
  buttons.append(next, back, skip);
  form.append(checking, status, buttons);
  show(0, true);
  // Whatever goes wrong from here on, the browser itself never sends this form.
  form.setAttribute("method", "dialog");
  form.removeAttribute("action");
  root.classList.add("ready");
})();
