// When it happened, with its precision: the twin of `_read_when` in questions.py.

// A number in the digits of any script; null for nothing, NaN for anything else.
function number(text) {
  const typed = text.trim();
  if (!typed) return null;
  const ascii = Array.from(typed, (char) => {
    if (!/\p{Nd}/u.test(char)) return "x";
    if (char >= "0" && char <= "9") return char;
    const code = char.codePointAt(0);
    let zero = code;
    while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
    return String(code - zero);
  }).join("");
  return /^\d{1,4}$/.test(ascii) ? Number(ascii) : NaN;
}

function two(n) {
  return String(n).padStart(2, "0");
}

function dayBefore(day) {
  const then = new Date(day + "T00:00:00Z");
  then.setUTCDate(then.getUTCDate() - 1);
  return then.toISOString().slice(0, 10);
}

function readDate(given, today, refuse) {
  const [year, month, day] = [given.year, given.month, given.day].map(number);
  if (year === null && month === null && day === null) return { value: "", precision: "unknown" };
  if (!(year >= 1900 && year <= Number(today.slice(0, 4)) + 1)) return refuse("year");
  if (month === null && day === null) return { value: String(year), precision: "year" };
  if (!(month >= 1 && month <= 12)) return refuse("month");
  if (day === null) return { value: year + "-" + two(month), precision: "month" };
  const then = new Date(Date.UTC(year, month - 1, day));
  if (!(day >= 1) || then.getUTCMonth() !== month - 1) return refuse("day");
  return { value: year + "-" + two(month) + "-" + two(day), precision: "day" };
}

// The answer, or nothing; `refuse` is told the field that makes no date.
export function readWhen(given, today, refuse) {
  if (given.precision === "today") return { value: today, precision: "day" };
  if (given.precision === "yesterday") return { value: dayBefore(today), precision: "day" };
  if (given.precision === "week") return { value: today, precision: "week" };
  if (given.precision === "unknown") return { value: "", precision: "unknown" };
  const typed = given.year + given.month + given.day;
  return given.precision === "other" || typed ? readDate(given, today, refuse) : undefined;
}

// A date in words, as precisely as it is known, the day first, in Latin digits: the twin of
// `long_date` in i18n.py.
export function dateWords(then, locale) {
  const parts = then.value.split("-").map(Number);
  const shape = { year: "numeric", timeZone: "UTC" };
  if (parts.length > 1) shape.month = "long";
  if (parts.length > 2) shape.day = "numeric";
  const date = new Date(Date.UTC(parts[0], (parts[1] || 1) - 1, parts[2] || 1));
  return new Intl.DateTimeFormat((locale === "en" ? "en-GB" : locale) + "-u-nu-latn-ca-gregory", shape).format(date);
}
