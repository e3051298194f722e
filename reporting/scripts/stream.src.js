// Files as STREAM: 64 KiB chunks of AES-256-GCM, zero-padded to Padmé (docs/sealing.md 3).
//
// Twin of reporting/stream.py, over Blobs: a file is read a slice at a time and its ciphertext is
// held once, as a Blob, which the browser may keep wherever it keeps large things.

import { PAD_FLOOR, SealingRefused, concat, derive, importAes, padme, u32 } from "./sealing.src.js";

export const CHUNK = 64 * 1024;

const TAG = 16;
const SEALED_CHUNK = CHUNK + TAG;
// Sixteen chunks at once: few reads, at most 1 MiB of a file in memory.
const SLICE = 16 * CHUNK;

// Seal attachment `index` of a report: a File or Blob in, a Blob out.
export async function sealAttachment(contentKey, reportId, index, file, onProgress = () => {}) {
  const key = await importAes(await attachmentKey(contentKey, reportId, index));
  const padded = padme(Math.max(PAD_FLOOR, file.size));
  const pieces = [];
  for (let at = 0; at < padded; at += SLICE) {
    const plaintext = await slice(file, at, Math.min(padded, at + SLICE));
    const chunks = [];
    for (let from = 0; from < plaintext.length; from += CHUNK) {
      const chunk = plaintext.subarray(from, from + CHUNK);
      const iv = nonce((at + from) / CHUNK, at + from + CHUNK >= padded);
      chunks.push(crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, chunk));
    }
    pieces.push(new Blob(await Promise.all(chunks)));
    onProgress(Math.min(plaintext.length, Math.max(0, file.size - at)));
  }
  return new Blob(pieces, { type: "application/octet-stream" });
}

// How many bytes a file of `size` bytes is once sealed.
export function sealedLength(size) {
  const padded = padme(Math.max(PAD_FLOOR, size));
  return padded + TAG * Math.ceil(padded / CHUNK);
}

// Open attachment `index`: all of it verifies, or nothing is returned.
export async function openAttachment(contentKey, reportId, index, sealed, size) {
  const key = await importAes(await attachmentKey(contentKey, reportId, index));
  if (sealed.length !== sealedLength(size)) throw new SealingRefused("attachment");
  const chunks = [];
  try {
    for (let at = 0; at < sealed.length; at += SEALED_CHUNK) {
      const iv = nonce(at / SEALED_CHUNK, at + SEALED_CHUNK >= sealed.length);
      const chunk = sealed.slice(at, at + SEALED_CHUNK);
      chunks.push(new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, chunk)));
    }
  } catch (refused) {
    throw new SealingRefused("attachment");
  }
  const padded = concat(...chunks);
  if (padded.subarray(size).some((byte) => byte !== 0)) throw new SealingRefused("attachment");
  return padded.slice(0, size);
}

function attachmentKey(contentKey, reportId, index) {
  return derive(contentKey, "attachment", concat(reportId, u32(index)));
}

// Counter in 11 bytes, big-endian (a file has far fewer than 2^32 chunks), then the last-chunk byte.
function nonce(counter, last) {
  return concat(new Uint8Array(7), u32(counter), Uint8Array.of(last ? 1 : 0));
}

// Bytes of the zero-padded file. One that changes while it is read is not what the reporter chose.
async function slice(file, from, to) {
  const data = new Uint8Array(to - from);
  const end = Math.min(to, file.size);
  if (from >= end) return data;
  let read;
  try {
    read = new Uint8Array(await file.slice(from, end).arrayBuffer());
  } catch (refused) {
    throw new SealingRefused("file");
  }
  if (read.length !== end - from) throw new SealingRefused("file");
  data.set(read);
  return data;
}
