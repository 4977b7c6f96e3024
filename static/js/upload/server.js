/* The upload API, spoken as the person who is signed in. */
import { csrfToken } from "../csrf.js";
import { Trouble, troubleOf } from "./trouble.js";

async function ask(address, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  let answer;
  try {
    answer = await fetch(address, { ...options, headers });
  } catch {
    throw new Trouble("connection");
  }
  if (answer.redirected) throw new Trouble("signed-out");
  const trouble = troubleOf(answer.status, answer.ok ? "" : await answer.text());
  if (trouble) throw trouble;
  return answer.status === 204 ? null : answer.json();
}

const post = (address, body) =>
  ask(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(body),
  });

/** Begins an upload: {id, files_url, page_url, receipt_url}; `profile` if the files are cleaned by one. */
export const begin = (address, { note, profile }) => post(address, { ...(note && { note }), ...(profile && { profile }) });

/** The rules by which who it is is removed. */
export const rules = (address) => ask(address);

/** The address of something else of this upload, such as `finish/`. */
export const besides = (upload, name) => upload.files_url.replace(/files\/$/, name);

/** Ends it and hands over the manifest; answers the receipt. */
export const finish = (upload, manifest) => post(besides(upload, "finish/"), { manifest });

/** Every file that the server knows of this upload. */
export async function known(upload) {
  const rows = [];
  for (let next = upload.files_url; next; ) {
    const page = await ask(next);
    rows.push(...page.results);
    next = page.next;
  }
  return rows;
}

/** Whether a request of this person would be answered now. */
export async function isReachable(upload) {
  await ask(upload.files_url);
}
