// What a reader meets on the page as it stands now: every fault in words, none when all is well.
({ latin, staff, locale }) => {
  const faults = [];
  const seen = (e) => {
    if (!e.checkVisibility({ visibilityProperty: true })) return false;
    const box = e.getBoundingClientRect();
    return box.width > 1 && box.height > 1;
  };
  const short = (e) => e.outerHTML.replace(/\s+/g, " ").slice(0, 110);

  // ---- frame: title, one heading, skip link, language
  const locked = document.getElementById("lock") && seen(document.getElementById("lock"));
  const headings = [...document.querySelectorAll("h1, [role=heading][aria-level='1']")].filter(seen);
  if (headings.length !== 1) faults.push(`${headings.length} main headings`);
  if (!locked) {
    if (!/^\S.* – Upstander$/.test(document.title)) faults.push(`title “${document.title}”`);
    const first = document.querySelector("a[href], button, input, select, textarea, summary");
    if (!first || !first.matches("a.skip[href='#main']")) faults.push("the first stop is no skip link");
  }
  if ([...document.querySelectorAll("main")].filter(seen).length !== 1) faults.push("not one main part");
  const root = document.documentElement;
  if (root.lang !== locale || root.dir !== (locale === "ar" ? "rtl" : "ltr")) {
    faults.push(`language ${root.lang} ${root.dir}`);
  }

  // ---- sizes of what is pressed; a link inside a sentence is as high as its line
  const inline = (e) => getComputedStyle(e).display === "inline" && e.closest("p, li, td, th, dd, h3, span");
  for (const e of document.querySelectorAll("a[href], button, input, select, textarea, summary")) {
    if (!seen(e) || e.matches(".skip, [type=hidden]") || (e.localName === "a" && inline(e))) continue;
    const box = (e.closest("label.pick") || e).getBoundingClientRect();
    const least = staff || e.matches("a:not(.button)") ? 24 : 44;
    if (box.height < least - 0.5 || box.width < 24) {
      faults.push(`small, ${Math.round(box.width)}×${Math.round(box.height)}: ${short(e)}`);
    }
  }

  // ---- words of another script
  if (locale === "ar") {
    const skipped = "script, style, code, kbd, bdi, [dir=auto], [dir=ltr], [lang]:not(html):not([lang=ar])";
    const allowed = new Set(latin);
    // An id of the address, or its beginning, is no word; "report" and "queue" in it are.
    const ids = location.pathname.split("/").filter((part) => /^[\w-]{22,}$/.test(part)).join(" ");
    const check = (text, where) => {
      for (const [word] of text.matchAll(/[A-Za-zÀ-ɏ][\wÀ-ɏ-]*/g)) {
        if (!allowed.has(word) && !ids.includes(word)) faults.push(`Latin “${word}” in ${where}`);
      }
    };
    check(document.title, "the title");
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const e = walker.currentNode.parentElement;
      if (e.closest(skipped)) continue;
      if (e.localName === "option" ? e.parentElement.checkVisibility() : e.checkVisibility()) {
        check(walker.currentNode.data, short(e));
      }
    }
    for (const name of ["aria-label", "alt", "title", "placeholder"]) {
      for (const e of document.querySelectorAll(`[${name}]`)) {
        // A file is called what its owner called it.
        if (seen(e) && !e.closest(".files, [lang]:not(html):not([lang=ar])")) check(e.getAttribute(name), `${name} of ${short(e)}`);
      }
    }
  }
  return faults;
}
