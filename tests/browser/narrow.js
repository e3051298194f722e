// At 320 pixels: nothing stands outside the page sideways, except inside an area made to be scrolled.
() => {
  const wide = document.scrollingElement.scrollWidth;
  if (wide <= innerWidth) return [];
  const scrolled = (e) => {
    for (let at = e.parentElement; at; at = at.parentElement) {
      if (/auto|scroll|hidden/.test(getComputedStyle(at).overflowX) && at !== document.body) return true;
    }
    return false;
  };
  const out = [...document.body.querySelectorAll("*")].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) && !scrolled(e);
  });
  return [`${wide} wide at ${innerWidth}: ` + out.slice(-3).map((e) => e.outerHTML.slice(0, 90)).join(" | ")];
}
