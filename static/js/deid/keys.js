/*
 * What takes the place of an identity, derived by a key that never leaves this page: the same
 * derivation as the server's (sharing/deid/keys.py), by the browser's own HMAC.
 *
 * HMAC is asynchronous here and the walk through a file is not. So a walk asks, what is not there
 * yet is noted, `fetch` derives it all at once, and the walk goes a second time.
 */
const encoder = new TextEncoder();
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const WELL_KNOWN = /^1\.2\.840\.10008(\.\d{1,4}){1,12}$/;
const SHORTEST = -30;
const LONGEST = -1095;

const plain = (text) => text.replace(/^[\0 ]+|[\0 ]+$/g, "");

const number = (bytes) => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);

function base32(bytes) {
  let bits = number(bytes);
  let text = "";
  for (let at = 0; at < (bytes.length * 8) / 5; at += 1) {
    text = BASE32[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return text;
}

/** A key for one upload. It cannot be read, not even by this page. */
export const newKey = () => crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256", length: 256 }, false, ["sign"]);

/** A key from bytes that somebody else has, too. */
export const keyFrom = (bytes) => crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);

/** Who a patient is: issuer and number, else name and birth date, else the study (as the server has it). */
export function patientKey({ issuer = "", number: id = "", name = "", birthDate = "", study = "" }) {
  const parts = [issuer, id, name, birthDate, study].map(plain);
  if (parts[1]) return ["id", parts[0], parts[1]].join("\x1f");
  if (parts[2] && parts[3]) return ["name", parts[0], parts[2].toLowerCase(), parts[3]].join("\x1f");
  return ["study", parts[4]].join("\x1f");
}

export class Keys {
  constructor(key) {
    this.key = key;
    this.known = new Map();
    this.wanted = new Set();
  }

  /* 32 bytes; zeros where they have to be derived first. */
  digest(purpose, original) {
    const message = `${purpose}\0${original}`;
    const found = this.known.get(message);
    if (!found) this.wanted.add(message);
    return found ?? new Uint8Array(32);
  }

  /** Derives what was asked for and not there; says whether there was anything. */
  async fetch() {
    const messages = [...this.wanted];
    this.wanted.clear();
    await Promise.all(messages.map(async (message) => {
      this.known.set(message, new Uint8Array(await crypto.subtle.sign("HMAC", this.key, encoder.encode(message))));
    }));
    return messages.length > 0;
  }

  uid(original) {
    const uid = plain(original);
    if (!uid || WELL_KNOWN.test(uid)) return uid;
    return `2.25.${number(this.digest("uid", uid).subarray(0, 16))}`;
  }

  pseudonym(patient) {
    return `P-${this.letters("patient", patient)}`;
  }

  /** By how many days the patient's dates move. */
  shift(patient) {
    const span = BigInt(SHORTEST - LONGEST + 1);
    const [kind, ...parts] = patient.split("\x1f");
    const by = kind === "id" ? parts.at(-1) : ""; // its number alone: not all files name its issuer
    return SHORTEST - Number(number(this.digest("shift", by).subarray(0, 8)) % span);
  }

  code(kind, value) {
    return `C-${this.letters(`code ${kind}`, plain(value))}`;
  }

  letters(purpose, original) {
    return base32(this.digest(purpose, original).subarray(0, 10)).slice(0, 12);
  }
}
