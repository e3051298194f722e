// The envelope of a report, its body and its mail: docs/sealing.md 3 and 5.
//
// Twin of reporting/envelope.py, without what only the server does (reading envelopes, signing,
// sealing answers).

import {
  FORMAT,
  ID_SIZE,
  KEY_SIZE,
  SealingRefused,
  b64,
  box,
  checkPublicKey,
  concat,
  derive,
  label,
  openSealed,
  pad,
  seal,
  sha256,
  u32,
  unb64,
  unbox,
  unpad,
  verify,
} from "./sealing.src.js";

export const MAX_ATTACHMENTS = 5;
export const MAX_ATTACHMENT_SIZE = 20 * 1024 * 1024;
export const MAX_BODY = 264 * 1024;

const text = new TextEncoder();

// The JSON of an envelope; `attachments` is `[{index, length}]`.
export function envelopeJson(e) {
  return JSON.stringify({
    format: FORMAT,
    kind: e.kind,
    report_id: b64(e.reportId),
    key_id: b64(e.keyId),
    sealed_key: b64(e.sealedKey),
    body: b64(e.body),
    mailbox_token: b64(e.mailboxToken),
    attachments: e.attachments,
  });
}

// The `sealed_key` of an envelope.
export function sealContentKey(intakePublic, reportId, keyId, contentKey) {
  return seal(intakePublic, "content-key", concat(reportId, keyId), contentKey);
}

// Open `sealed_key`; a key of another length was not made by anyone who follows the format.
export async function openContentKey(intakeSeed, reportId, keyId, sealedKey) {
  const context = concat(reportId, keyId);
  const contentKey = await openSealed(intakeSeed, "content-key", context, sealedKey);
  if (contentKey.length !== KEY_SIZE) throw new SealingRefused("content-key");
  return contentKey;
}

// The `body` of an envelope.
export async function sealBody(contentKey, reportId, bodyJson) {
  return box(await derive(contentKey, "body"), "body", reportId, pad(bodyJson));
}

// Open a body. What comes out is still hostile: read it with `parseJson`.
export async function openBody(contentKey, reportId, body) {
  return unpad(await unbox(await derive(contentKey, "body"), "body", reportId, body));
}

// What an acknowledgement vouches for.
export function commitment(reportId, sealedKey, body) {
  return sha256(concat(label("acknowledgement"), reportId, sealedKey, body));
}

// Verify an acknowledgement: the instance's signed word that a report was filed that day.
export async function checkAcknowledgement(publicKey, given) {
  let message, signature;
  try {
    const { instance_id: id, organisation, day, commitment: committed, attachments } = given;
    const texts = [id, organisation, day, committed, given.signature];
    if (texts.some((value) => typeof value !== "string") || !Array.isArray(attachments)) {
      throw new SealingRefused("acknowledgement");
    }
    const parts = [unb64(id), text.encode(day), unb64(committed)];
    const hashes = attachments.map(unb64);
    const sizes = [ID_SIZE, 10, KEY_SIZE, ...hashes.map(() => KEY_SIZE)];
    if ([...parts, ...hashes].some((part, at) => part.length !== sizes[at])) {
      throw new SealingRefused("acknowledgement");
    }
    message = concat(...parts, u32(hashes.length), ...hashes, text.encode(organisation));
    signature = unb64(given.signature);
  } catch (refused) {
    throw refused instanceof SealingRefused ? refused : new SealingRefused("acknowledgement");
  }
  return verify(publicKey, "acknowledgement-signature", message, signature);
}

// Open a message from staff with the receipt's reply seed.
export async function openToReporter(replySeed, reportId, messageId, sealed) {
  return unpad(await openSealed(replySeed, "to-reporter", concat(reportId, messageId), sealed));
}

// Return the reply key of a body if answers can be sealed to it, refuse it otherwise.
export function checkReplyPublicKey(data) {
  return checkPublicKey(data);
}
