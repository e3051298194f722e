// The last step: every answer as it will be sent, each with a way back to its question.

import { dateWords } from "./dates.src.js";
import { make } from "./make.src.js";

// A step's question, without what says that it may be skipped.
export function wording(step) {
  var copy = step.querySelector("h1, h2").cloneNode(true);
  Array.from(copy.querySelectorAll(".skippable")).forEach(function (part) { part.remove(); });
  return copy.textContent.trim();
}

// Fills `checking` from the form's steps; `read` is `answersOf` the form, `names` gives the chosen
// files' names, `show` goes to a step.
export function checkOf(form, said, steps, checking, read, names, show) {
  function words(name) {
    return read.all(name).map(function (input) { return input.closest("label").querySelector("span").textContent.trim(); });
  }

  function selected(name) {
    var field = form.elements[name];
    return field.value ? [field.options[field.selectedIndex].text] : [];
  }

  function shown(step) {
    var name = (step.querySelector("[name]") || step.querySelector("[id^=f-]")).name;
    if (!name) return names();
    if (name === "what_happened") return [read.value(name)];
    if (name === "when.precision") {
      var then = read.when({});
      if (!then) return [];
      return then.value && then.precision !== "week" ? [dateWords(then, said.locale)] : words(name);
    }
    if (name === "country") return selected("country").concat(read.value("area").trim() ? [read.value("area")] : [], selected("setting"));
    return words(name);
  }

  // A story goes in its own direction; what is short stands where the page's own words stand.
  function row(title, texts, index, story) {
    var group = make("div");
    group.append(make("dt", title));
    texts.forEach(function (text) {
      var place = make("dd", story ? text : "", story ? { dir: "auto" } : {});
      if (!story) place.append(make("bdi", text));
      group.append(place);
    });
    if (!texts.length) group.append(make("dd", said.noAnswer, { class: "muted" }));
    var change = make("button", said.change, { type: "button", "aria-label": said.change + ": " + title });
    change.addEventListener("click", function () { show(index); });
    // A description list holds nothing but terms and descriptions.
    var place = make("dd");
    place.append(change);
    group.append(place);
    return group;
  }

  function fillCheck() {
    var list = make("dl", "", { class: "check" });
    steps.forEach(function (step, index) {
      var asked = step.querySelectorAll("fieldset.field");
      if (!asked.length) list.append(row(wording(step), shown(step), index, step.contains(form.elements.what_happened)));
      Array.from(asked).forEach(function (field) {
        list.append(row(field.querySelector("legend").textContent.trim(), words(field.querySelector("input").name), index));
      });
    });
    checking.replaceChildren(make("h1", said.check, { tabindex: "-1" }), make("p", said.nothingSent), list);
  }

  return fillCheck;
}
