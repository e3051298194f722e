// The receipt: 24 digits with which a reporter comes back (docs/sealing.md 5).
//
// Twin of reporting/receipt.py. With script the digits never leave the browser and are kept nowhere.

import { KEY_SIZE, SealingRefused, concat, derive, label, publicOf } from "./sealing.src.js";

export const DIGITS = 24;
export const ROUNDS = 20000;

const LONGEST_TYPED = 400;
const DECIMAL = /\p{Nd}/u;

// 23 random digits and their Luhn check digit.
export function makeDigits() {
  let digits = "";
  while (digits.length < DIGITS - 1) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    // 250 to 255 are thrown away: with them 0 to 5 would come more often.
    if (byte < 250) digits += byte % 10;
  }
  return digits + checkDigit(digits);
}

// Read what a person typed: digits of any script, anything between them ignored.
export function readDigits(typed) {
  const chars = Array.from(typed);
  if (chars.length > LONGEST_TYPED) throw new SealingRefused("receipt-length");
  const digits = chars.filter((char) => DECIMAL.test(char)).map(decimal).join("");
  if (digits.length !== DIGITS) throw new SealingRefused("receipt-length");
  if (checkDigit(digits.slice(0, -1)) !== digits.slice(-1)) throw new SealingRefused("receipt-check");
  return digits;
}

// Six groups of four, to be copied by hand.
export function grouped(digits) {
  return digits.match(/.{1,4}/g).join(" ");
}

// Derive mailbox token, reply seed and follow-up from 24 checked digits.
export async function deriveReceipt(digits, instanceId) {
  if (readDigits(digits) !== digits) throw new SealingRefused("receipt-length");
  const password = new TextEncoder().encode(digits);
  const material = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const salt = concat(label("receipt"), instanceId);
  const way = { name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS };
  const root = new Uint8Array(await crypto.subtle.deriveBits(way, material, 8 * KEY_SIZE));
  const replySeed = await derive(root, "reply-key");
  return {
    digits,
    mailboxToken: await derive(root, "mailbox"),
    replySeed,
    followUp: await derive(root, "follow-up"),
    replyPublicKey: await publicOf(replySeed),
  };
}

function checkDigit(body) {
  let total = 0;
  Array.from(body).reverse().forEach((char, place) => {
    const doubled = Number(char) * (place % 2 === 0 ? 2 : 1);
    total += doubled > 9 ? doubled - 9 : doubled;
  });
  return String((10 - (total % 10)) % 10);
}

// Unicode keeps decimal digits in runs of ten that begin with zero, sometimes several in a row.
function decimal(char) {
  let from = char.codePointAt(0);
  const code = from;
  while (DECIMAL.test(String.fromCodePoint(from - 1))) from -= 1;
  return (code - from) % 10;
}
