/* Remembers an upload that was begun, so that it can go on after the page was closed. No patient, no UID: only its address and sizes. */
const KEY = "handover.upload";

export function remember(upload) {
  try {
    localStorage.setItem(KEY, JSON.stringify(upload));
  } catch {
    // Without storage an upload still works; only going on after a reload does not.
  }
}

export function unfinished() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // nothing was kept
  }
}

/** A mark of a series that tells nothing about it (FNV-1a, 32 bits), to remember what was left out. */
export function markOf(uid) {
  let mark = 0x811c9dc5;
  for (let at = 0; at < uid.length; at += 1) mark = Math.imul(mark ^ uid.charCodeAt(at), 0x01000193) >>> 0;
  return mark;
}
