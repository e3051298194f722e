// Sealing, opening, boxing, deriving, padding: the conventions of docs/sealing.md 2.
//
// Twin of reporting/sealing.py: same names (camelCase), same order, same vectors. Knows bytes, not
// reports, and no page. Every primitive is the browser's or comes from the two pinned packages.

import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";

export const FORMAT = "upstander/1";
export const ID_SIZE = 16;
export const KEY_SIZE = 32;
export const PUBLIC_KEY_SIZE = 1216;
export const SEAL_OVERHEAD = 1120 + 16;
export const BOX_OVERHEAD = 12 + 16;
export const PAD_FLOOR = 4096;

const ENC_SIZE = 1120;
const MLKEM_PUBLIC_SIZE = 1184;
const NONCE_SIZE = 12;
const MLKEM_MODULUS = 3329;

const kem = new XWing();
const suite = new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const text = new TextEncoder();

// Bytes that are not what they should be. `reason` is a code, never any of the content.
export class SealingRefused extends Error {
  constructor(reason) {
    super(reason);
    this.name = "SealingRefused";
    this.reason = reason;
  }
}

// Base64url without padding.
export function b64(data) {
  let binary = "";
  // In pieces: spreading a large array over arguments overflows the stack.
  for (let at = 0; at < data.length; at += 8192) {
    binary += String.fromCharCode(...data.subarray(at, at + 8192));
  }
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

// Read `b64` strictly: two texts for the same bytes would be two ids for one report.
export function unb64(given) {
  if (typeof given !== "string" || !/^[A-Za-z0-9_-]*$/.test(given) || given.length % 4 === 1) {
    throw new SealingRefused("b64");
  }
  const binary = atob(given.replace(/-/g, "+").replace(/_/g, "/"));
  const data = Uint8Array.from(binary, (char) => char.charCodeAt(0));
  if (b64(data) !== given) throw new SealingRefused("b64");
  return data;
}

// Four bytes, big-endian.
export function u32(n) {
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** 32) throw new SealingRefused("u32");
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, n);
  return data;
}

// `upstander/1/NAME` and a zero byte: no use of a key can be taken for another.
export function label(name) {
  return text.encode(`${FORMAT}/${name}\0`);
}

// 16 random bytes; never a serial number, which would tell an order of arrival.
export function randomId() {
  return crypto.getRandomValues(new Uint8Array(ID_SIZE));
}

// 32 random bytes.
export function randomKey() {
  return crypto.getRandomValues(new Uint8Array(KEY_SIZE));
}

// SEAL: HPKE base mode with X-Wing to `publicKey`, bound to label and context.
export async function seal(publicKey, name, context, plaintext) {
  const info = concat(label(name), context);
  const recipientPublicKey = await importPublicKey(publicKey);
  try {
    const { enc, ct } = await suite.seal({ recipientPublicKey, info }, plaintext);
    return concat(new Uint8Array(enc), new Uint8Array(ct));
  } catch (refused) {
    // A small-order X25519 share: the exchange would give zeros to everyone.
    throw new SealingRefused("public-key");
  }
}

// Open what `seal` made for the public key of `seed`.
export async function openSealed(seed, name, context, sealed) {
  if (sealed.length < SEAL_OVERHEAD) throw new SealingRefused("sealed");
  const pair = await keyPair(seed);
  const info = concat(label(name), context);
  const enc = sealed.slice(0, ENC_SIZE);
  try {
    const opened = await suite.open({ recipientKey: pair, enc, info }, sealed.slice(ENC_SIZE));
    return new Uint8Array(opened);
  } catch (refused) {
    throw new SealingRefused("sealed");
  }
}

// BOX: AES-256-GCM under a fresh random nonce, bound to label and context.
export async function box(key, name, context, plaintext) {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_SIZE));
  const additionalData = concat(label(name), context);
  const aes = await importAes(key);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, aes, plaintext);
  return concat(iv, new Uint8Array(sealed));
}

// Open what `box` made.
export async function unbox(key, name, context, boxed) {
  if (boxed.length < BOX_OVERHEAD) throw new SealingRefused("boxed");
  const iv = boxed.slice(0, NONCE_SIZE);
  const additionalData = concat(label(name), context);
  const aes = await importAes(key);
  try {
    const way = { name: "AES-GCM", iv, additionalData };
    return new Uint8Array(await crypto.subtle.decrypt(way, aes, boxed.slice(NONCE_SIZE)));
  } catch (refused) {
    throw new SealingRefused("boxed");
  }
}

// DERIVE: HKDF-SHA256 without salt, 32 bytes.
export async function derive(key, name, context = new Uint8Array(0)) {
  const info = concat(label(name), context);
  const material = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
  const way = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
  return new Uint8Array(await crypto.subtle.deriveBits(way, material, 8 * KEY_SIZE));
}

// Refuse a signature that the holder of the secret did not make.
export async function verify(publicKey, name, message, signature) {
  let key;
  try {
    key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  } catch (refused) {
    // Browsers before 2025 do not know Ed25519: the page then says that it could not check.
    throw new SealingRefused(refused.name === "NotSupportedError" ? "unsupported" : "signature");
  }
  const signed = concat(label(name), message);
  if (!(await crypto.subtle.verify("Ed25519", key, signature, signed))) {
    throw new SealingRefused("signature");
  }
}

// Padmé in integers: `length` rounded up so that it tells O(log log) bits of itself.
export function padme(length) {
  if (length < 2) return length;
  if (length >= 2 ** 31) throw new SealingRefused("too-large");
  const exponent = 31 - Math.clz32(length);
  const granule = 2 ** (exponent - (32 - Math.clz32(exponent)));
  return Math.ceil(length / granule) * granule;
}

// The length of `pad` of so many bytes.
export function paddedLength(length) {
  return padme(Math.max(PAD_FLOOR, 4 + length));
}

// PAD: length, data, zeros.
export function pad(data) {
  const padded = new Uint8Array(paddedLength(data.length));
  padded.set(u32(data.length));
  padded.set(data, 4);
  return padded;
}

// Read PAD; a wrong length or a padding byte that is not zero could hide or leak something.
export function unpad(data) {
  if (data.length < PAD_FLOOR) throw new SealingRefused("padding");
  const end = 4 + new DataView(data.buffer, data.byteOffset).getUint32(0);
  if (end > data.length || padme(Math.max(PAD_FLOOR, end)) !== data.length) {
    throw new SealingRefused("padding");
  }
  if (data.subarray(end).some((byte) => byte !== 0)) throw new SealingRefused("padding");
  return data.slice(4, end);
}

// The X-Wing public key of a 32-byte seed: ML-KEM-768 encapsulation key, X25519.
export async function publicOf(seed) {
  const pair = await keyPair(seed);
  return new Uint8Array(await kem.serializePublicKey(pair.publicKey));
}

// First 16 bytes of SHA-256 over label and key: what an envelope says it is for.
export async function keyId(name, material) {
  return (await sha256(concat(label(name), material))).slice(0, ID_SIZE);
}

// Return a usable X-Wing public key, or refuse it before anything depends on it.
export async function checkPublicKey(data) {
  await seal(data, "check", new Uint8Array(0), new Uint8Array(0));
  return data;
}

// Below: what Python's standard library gives there.

export function concat(...pieces) {
  const data = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    data.set(piece, at);
    at += piece.length;
  }
  return data;
}

export async function sha256(data) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

export async function importAes(key) {
  // importKey itself would take 16 and 24 bytes too.
  if (key.length !== KEY_SIZE) throw new SealingRefused("key");
  return crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
}

async function importPublicKey(data) {
  if (data.length !== PUBLIC_KEY_SIZE || !isReduced(data)) throw new SealingRefused("public-key");
  // A copy: the package reads the whole buffer behind a view.
  return kem.importKey("raw", data.slice(), true);
}

// FIPS 203, 7.2: every 12-bit number of the encapsulation key is below the modulus.
function isReduced(data) {
  for (let at = 0; at < MLKEM_PUBLIC_SIZE - 32; at += 3) {
    const low = data[at] | ((data[at + 1] & 15) << 8);
    const high = (data[at + 1] >> 4) | (data[at + 2] << 4);
    if (low >= MLKEM_MODULUS || high >= MLKEM_MODULUS) return false;
  }
  return true;
}

async function keyPair(seed) {
  if (seed.length !== KEY_SIZE) throw new SealingRefused("key");
  return kem.generateKeyPairDerand(seed.slice());
}
