// Hostile JSON, read strictly. Twin of reporting/strict_json.py.

import { SealingRefused } from "./sealing.src.js";

export const MAX_JSON_DEPTH = 32;
export const MAX_JSON = 1500000;

// A string (an unclosed one to the end), or one of the characters that make structure.
const TOKENS = /"[^"\\]*(?:\\[^][^"\\]*)*(?:"|\\?$)|[[\]{}:,]/g;
const LONE_SURROGATE = /[\ud800-\udfff]/u;

// Parse JSON without deep nesting, a name twice, infinity or half characters.
export function parseJson(data, limit = MAX_JSON) {
  if (data.length > limit) throw new SealingRefused("too-large");
  try {
    const given = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    scan(given);
    return JSON.parse(given, checked);
  } catch (refused) {
    throw refused instanceof SealingRefused ? refused : new SealingRefused("json");
  }
}

// Depth and names, before the parser sees the text.
function scan(given) {
  const names = [];
  let last = "";
  for (const [token] of given.matchAll(TOKENS)) {
    if (token === "{" || token === "[") {
      if (names.push(new Set()) > MAX_JSON_DEPTH) throw new SealingRefused("json-depth");
    } else if (token === "}" || token === "]") {
      names.pop();
    } else if (token === ":") {
      const name = JSON.parse(last);
      const seen = names[names.length - 1];
      if (!seen || seen.has(name)) throw new SealingRefused("json");
      seen.add(name);
    }
    last = token;
  }
}

function checked(name, value) {
  const infinite = typeof value === "number" && !Number.isFinite(value);
  if (infinite || LONE_SURROGATE.test(name) || LONE_SURROGATE.test(value)) {
    throw new SealingRefused("json");
  }
  return value;
}
