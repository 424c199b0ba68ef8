// Verifies one bundle with one public key and prints {"ok": bool, "error": text, "payloadType": text}.
// Usage: node verify.mjs BUNDLE KEY.pem
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";

import { bundleFromJSON } from "@sigstore/bundle";
import { Verifier, toSignedEntity } from "@sigstore/verify";

const [bundlePath, keyPath] = process.argv.slice(2);
const publicKey = createPublicKey(readFileSync(keyPath));
// A key of our own: no certificate authorities, no logs, no clocks of others.
const trust = {
  certificateAuthorities: [],
  timestampAuthorities: [],
  tlogs: [],
  ctlogs: [],
  publicKey: () => ({ publicKey, validFor: () => true }),
};
const thresholds = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };

let answer;
try {
  const bundle = bundleFromJSON(JSON.parse(readFileSync(bundlePath, "utf8")));
  new Verifier(trust, thresholds).verify(toSignedEntity(bundle));
  answer = { ok: true, error: "", payloadType: bundle.content.dsseEnvelope.payloadType };
} catch (error) {
  answer = { ok: false, error: `${error.name}: ${error.code ?? error.message}`, payloadType: "" };
}
console.log(JSON.stringify(answer));
