// Seals and sends a report or an addition, and sends the same bytes again until there is an answer.
// Built into form.js and return.js. What was typed leaves the page only sealed.

const ATTEMPTS = 3;

function Unsent(code) {
  this.code = code;
}

// Post with progress; `fetch` cannot tell how far an upload is.
function post(address, parts, onProgress) {
  return new Promise(function (resolve, reject) {
    var body = new FormData();
    parts.forEach(function (part) { body.append(part[0], part[1]); });
    var request = new XMLHttpRequest();
    request.open("POST", address);
    request.upload.onprogress = function (event) {
      if (event.lengthComputable) onProgress(Math.floor((100 * event.loaded) / event.total));
    };
    request.onload = function () {
      var answer = {};
      try { answer = JSON.parse(request.responseText); } catch (broken) { /* not ours: `checked` tells */ }
      resolve({ status: request.status, answer: answer });
    };
    request.onerror = request.ontimeout = function () { reject(new Unsent("network")); };
    request.send(body);
  });
}

// What an organisation or the instance says of itself now, its keys above all.
async function wellKnown(name) {
  try {
    var answer = await fetch("/.well-known/upstander/" + name + ".json", {
      credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer",
    });
    return await answer.json();
  } catch (broken) {
    throw new Unsent("network");
  }
}

// The acknowledgement of these very bytes. A captive portal says 200 to everything: without the
// instance's word nothing is stored, and a receipt for it would lose the report.
async function checked(sealed, answer, key) {
  try {
    await upstanderSeal.checkAnswer(sealed, answer.acknowledgement, key);
    return answer.acknowledgement;
  } catch (foreign) {
    throw new Unsent("network");
  }
}

// Returns a function that sends `job` and may be called again: it sends the same sealed bytes
// until there is an answer. Only after 410 it seals again, to the key the answer names.
export function sender(job) {
  var sealed = null;
  var key = null;
  var instance = null;

  async function seal() {
    job.say("sealing");
    if (!instance) instance = await wellKnown("instance");
    if (!key) key = (await wellKnown(job.slug)).intake_key;
    if (!key) throw new Unsent("closed");
    sealed = await upstanderSeal.sealReport({
      intakePublicKey: key.public_key, keyId: key.key_id, kind: job.kind, body: job.body,
      files: job.files, receipt: job.receipt,
    });
  }

  return async function () {
    for (var attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (!sealed) await seal();
      var parts = [["envelope", new Blob([sealed.envelopeJson], { type: "application/json" })]];
      sealed.parts.forEach(function (part, index) { parts.push(["attachment-" + index, part]); });
      var got = await post("/sealed/" + job.slug, parts, function (percent) { job.say("sending", percent); });
      if (got.status === 200 || got.status === 201) {
        var word = await checked(sealed, got.answer, instance.acknowledgement_key);
        return { acknowledgement: word, sealed: sealed };
      }
      // Never ours, as ids are random; the same bytes would be refused for ever.
      if (got.status === 409) {
        sealed = null;
        continue;
      }
      if (got.status !== 410) throw new Unsent(got.status === 413 ? "long" : String(got.status));
      if (!got.answer.intake_key) throw new Unsent("closed");
      key = got.answer.intake_key;
      sealed = null;
    }
    throw new Unsent("410");
  };
}
