// Runs inside the page: makes the calls of tests/refused/cases.py with the browser's twin.
//
// Bytes travel as {"$b": base64url}. Answers are {result} or {reason}; anything else that is thrown
// is {broken}, which no test accepts.

async (calls) => {
  const seal = globalThis.upstanderSeal;
  const table = {
    unb64: (a) => seal.unb64(a.text),
    parse_json: (a) => seal.parseJson(a.data),
    open_content_key: (a) =>
      seal.openContentKey(a.intake_seed, a.report_id, a.key_id, a.sealed_key),
    open_body: (a) => seal.openBody(a.content_key, a.report_id, a.body),
    open_attachment: (a) =>
      seal.openAttachment(a.content_key, a.report_id, a.index, a.sealed, a.size),
    open_to_reporter: (a) =>
      seal.openToReporter(a.reply_seed, a.report_id, a.message_id, a.sealed),
    check_reply_public_key: (a) => seal.checkReplyPublicKey(a.data),
    check_acknowledgement: (a) =>
      seal.checkAcknowledgement(a.public_key, JSON.parse(new TextDecoder().decode(a.given))),
    read_digits: (a) => seal.readDigits(a.typed),
  };
  const read = (value) => {
    if (!value || value.$b === undefined) return value;
    const binary = atob(value.$b.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  };
  const written = (value) =>
    value instanceof Uint8Array ? { $b: seal.b64(value) } : value === undefined ? null : value;
  const answers = [];
  for (const [call, given] of calls) {
    const a = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, read(value)]));
    try {
      answers.push({ result: written(await table[call](a)) });
    } catch (refused) {
      const known = refused instanceof seal.SealingRefused;
      answers.push(known ? { reason: refused.reason } : { broken: String(refused) });
    }
  }
  return answers;
}
