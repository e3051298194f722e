// What has to be put right: said above the form, beside each field, and to assistive technology.

import { make } from "./make.src.js";

// `page` holds the form; `said` are its words.
export function problemsOf(form, page, said) {
  var get = function (id) { return document.getElementById(id); };

  function clearProblems() {
    Array.from(document.querySelectorAll(".problem, .wrong:not(#e-files)")).forEach(function (node) { node.remove(); });
    Array.from(form.querySelectorAll("[aria-invalid]")).forEach(function (node) {
      node.removeAttribute("aria-invalid");
      var hints = (node.getAttribute("aria-describedby") || "").split(" ").filter(function (id) { return id && !id.startsWith("e-"); });
      if (hints.length) node.setAttribute("aria-describedby", hints.join(" "));
      else node.removeAttribute("aria-describedby");
    });
  }

  function showProblems(problems) {
    clearProblems();
    var box = make("div", "", { class: "problem", role: "alert", tabindex: "-1" });
    var list = make("ul");
    box.append(make("h2", said.problem), list);
    Object.keys(problems).forEach(function (name) {
      var field = get("f-" + name);
      var words = make("p", problems[name], { class: "wrong", id: "e-" + name });
      field.before(words);
      field.setAttribute("aria-invalid", "true");
      var hints = (field.getAttribute("aria-describedby") || "").split(" ").filter(function (id) { return id && id !== words.id; });
      field.setAttribute("aria-describedby", hints.concat(words.id).join(" "));
      var item = make("li");
      var link = make("a", problems[name], { href: "#f-" + name });
      link.addEventListener("click", function (event) { event.preventDefault(); field.focus(); });
      item.append(link);
      list.append(item);
    });
    page.prepend(box);
    document.title = said.error + " " + document.title.replace(said.error, "").trim();
    box.focus();
    window.scrollTo(0, 0);
  }

  return { clear: clearProblems, show: showProblems };
}
