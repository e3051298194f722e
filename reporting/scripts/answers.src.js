// What stands in the form, as the report's body will hold it (docs/sealing.md 4). Reads only.

import { readWhen } from "./dates.src.js";

var MAX_JSON = 248 * 1024;

// Functions over one form; `said` are its words and the day, in the page's language.
export function answersOf(form, said) {
  function value(name) {
    var field = form.elements[name];
    return field ? String(field.value || "") : "";
  }

  function all(name) {
    return Array.from(form.querySelectorAll('[name="' + name + '"]:checked'));
  }

  function when(problems) {
    var chosen = all("when.precision")[0];
    return readWhen({
      precision: chosen ? chosen.value : "", year: value("when.year"), month: value("when.month"), day: value("when.day"),
    }, said.today, function (name) { problems["when." + name] = name === "year" ? said.year : said.day; });
  }

  function answers(problems) {
    var given = {};
    var text = value("what_happened").replace(/\r\n?/g, "\n");
    if (text.trim()) given.what_happened = text;
    else problems.what_happened = said.wordless;
    var then = when(problems);
    if (then) given.when = then;
    ["country", "area", "setting"].forEach(function (name) {
      if (value(name).trim()) given[name] = value(name);
    });
    ["grounds", "acts"].forEach(function (name) {
      var chosen = all(name).map(function (input) { return input.value; });
      if (chosen.length) given[name] = chosen;
    });
    if (all("role")[0]) given.role = all("role")[0].value;
    if (new TextEncoder().encode(JSON.stringify(given)).length > MAX_JSON) problems.what_happened = said.long;
    return given;
  }

  function consent() {
    var given = {};
    ["statistics", "reply"].forEach(function (name) {
      var chosen = all("consent." + name)[0];
      if (chosen) given[name] = chosen.value === "yes";
    });
    return given;
  }

  return { value: value, all: all, when: when, answers: answers, consent: consent };
}
