// Entry of seal.js: publishes one frozen global, `upstanderSeal`, for form.js and return.js.
//
//   isSupported()                     -> boolean: secure context with WebCrypto
//   makeReceipt(instanceId)           -> Promise of a receipt (below), freshly drawn
//   readDigits(text)                  -> the 24 ASCII digits in what a person typed
//   grouped(digits)                   -> "1234 5678 ..."
//   deriveReceipt(digits, instanceId) -> Promise of {digits, mailboxToken, replySeed, followUp,
//                                        replyPublicKey}, the last four Uint8Array
//   sealReport({intakePublicKey, keyId, kind, body, files, receipt, onProgress})
//                                     -> Promise of {envelopeJson, parts, reportId, commitment}
//   openMessage(receipt, message)     -> Promise of the object staff sealed ({text, status})
//   checkAnswer(sealed, answer, acknowledgementKey) -> Promise of true (verified) or false (this
//                                        browser cannot verify); refused if it is not ours
//   b64, unb64                        -> base64url without padding, strict
//
// Keys and ids may be given as b64 text, as pages and well-known addresses carry them. Everything
// that cannot be sealed or opened rejects with `SealingRefused`, whose `reason` is a code. Nothing
// is stored, and nothing here touches the page or the network.

import * as sealing from "./sealing.src.js";
import * as strictJson from "./strict_json.src.js";
import * as stream from "./stream.src.js";
import * as envelope from "./envelope.src.js";
import * as receipts from "./receipt.src.js";

const { SealingRefused, b64, unb64, sha256 } = sealing;

function isSupported() {
  return Boolean(globalThis.isSecureContext && globalThis.crypto && crypto.subtle);
}

function makeReceipt(instanceId) {
  return deriveReceipt(receipts.makeDigits(), instanceId);
}

function deriveReceipt(digits, instanceId) {
  return receipts.deriveReceipt(digits, bytes(instanceId));
}

// Seal a report or addition. `body` is the object of docs/sealing.md 3 without `schema`, `kind`,
// `reply_public_key`, `follow_up` and `attachments`, which are put in here. Each call draws a new
// report id and content key: keep the result and send the same bytes again until there is an
// answer; after 410 call again with the new key.
async function sealReport({ intakePublicKey, keyId, kind, body, files, receipt, onProgress }) {
  const publicKey = bytes(intakePublicKey);
  const id = bytes(keyId);
  if (b64(await sealing.keyId("intake-key", publicKey)) !== b64(id)) {
    throw new SealingRefused("key-id");
  }
  const chosen = Array.from(files || []);
  checkFiles(chosen);
  const bodyJson = bodyOf(kind, body, receipt, chosen);
  const reportId = sealing.randomId();
  const contentKey = sealing.randomKey();
  const sealedKey = await envelope.sealContentKey(publicKey, reportId, id, contentKey);
  const sealedBody = await envelope.sealBody(contentKey, reportId, bodyJson);
  const parts = await sealFiles(contentKey, reportId, chosen, onProgress || (() => {}));
  return {
    envelopeJson: envelope.envelopeJson({
      kind,
      reportId,
      keyId: id,
      sealedKey,
      body: sealedBody,
      mailboxToken: receipt.mailboxToken,
      attachments: parts.map((part, index) => ({ index, length: part.size })),
    }),
    parts,
    reportId: b64(reportId),
    commitment: b64(await envelope.commitment(reportId, sealedKey, sealedBody)),
  };
}

// Open one of the messages that POST /mailbox gives: {message_id, report_id, day, sealed} in b64.
async function openMessage(receipt, message) {
  const opened = await envelope.openToReporter(
    receipt.replySeed,
    unb64(message.report_id),
    unb64(message.message_id),
    unb64(message.sealed),
  );
  const given = strictJson.parseJson(opened);
  if (given === null || typeof given !== "object" || Array.isArray(given)) {
    throw new SealingRefused("message");
  }
  return given;
}

// Is the acknowledgement the instance's word for what was sent, every file included?
async function checkAnswer(sealed, answer, acknowledgementKey) {
  const hashes = await Promise.all(
    sealed.parts.map(async (part) => b64(await sha256(await part.arrayBuffer()))),
  );
  const same = answer.attachments && answer.attachments.join() === hashes.join();
  if (answer.commitment !== sealed.commitment || !same) throw new SealingRefused("acknowledgement");
  try {
    await envelope.checkAcknowledgement(bytes(acknowledgementKey), answer);
    return true;
  } catch (refused) {
    if (refused.reason === "unsupported") return false;
    throw refused;
  }
}

function bytes(given) {
  return typeof given === "string" ? unb64(given) : given;
}

function checkFiles(files) {
  const large = (file) => file.size > envelope.MAX_ATTACHMENT_SIZE;
  if (files.length > envelope.MAX_ATTACHMENTS || files.some(large)) {
    throw new SealingRefused("too-large");
  }
}

function bodyOf(kind, body, receipt, files) {
  const whole = {
    schema: 1,
    kind,
    ...body,
    reply_public_key: b64(receipt.replyPublicKey),
    follow_up: b64(receipt.followUp),
    attachments: files.map((file) => ({
      name: file.name,
      media_type: file.type || "application/octet-stream",
      size: file.size,
    })),
  };
  // Half a surrogate pair (a cut emoji) cannot be stored or shown; readers refuse a body with one.
  const mended = (_name, value) =>
    typeof value === "string" ? value.replace(/[\ud800-\udfff]/gu, "\ufffd") : value;
  const bodyJson = new TextEncoder().encode(JSON.stringify(whole, mended));
  if (sealing.paddedLength(bodyJson.length) > envelope.MAX_BODY) {
    throw new SealingRefused("too-large");
  }
  return bodyJson;
}

async function sealFiles(contentKey, reportId, files, onProgress) {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const parts = [];
  let done = 0;
  for (const [index, file] of files.entries()) {
    const progress = (more) => onProgress((done += more), total);
    parts.push(await stream.sealAttachment(contentKey, reportId, index, file, progress));
  }
  return parts;
}

const published = {
  ...sealing,
  ...strictJson,
  ...stream,
  ...envelope,
  ...receipts,
  isSupported,
  makeReceipt,
  deriveReceipt,
  sealReport,
  openMessage,
  checkAnswer,
};
Object.defineProperty(globalThis, "upstanderSeal", { value: Object.freeze(published) });
