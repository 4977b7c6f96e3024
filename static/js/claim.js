/* Opens a share link: the locator of the address, then the passcode or the mailed code. */
import { forget, parse, take } from "./links/locator.js";

const form = document.getElementById("claim");
const part = (name) => form.querySelector(`[data-part="${name}"]`);

const OFFLINE = "No connection. Check it and try again.";
const BROKEN = "The server does not answer as it should. Wait a minute and try again.";
const INCOMPLETE = "That is not a whole link. Copy it again, to its very end.";
const CLOSED = "This link can't be opened. It may have ended, been withdrawn or been opened as often as it may. Ask the person who sent it for a new one.";

let locator = null;
let mailbox = "";

function problem(text) {
  part("problem").hidden = !text;
  part("problem-text").textContent = text;
}

const typed = (name) => form.elements[name].value.trim();

async function send(extra = {}) {
  const body = { link: `${locator.id}.${locator.secret}`, ...extra };
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return [response, await response.json()];
  } catch (error) {
    return [null, error];
  }
}

function askFor({ needs, sender, institution, mailbox: address, sent }) {
  part("from").hidden = false;
  part("sender").textContent = sender;
  part("institution").textContent = institution;
  part("passcode").hidden = needs !== "passcode";
  part("code").hidden = needs !== "code";
  part("send").hidden = needs !== "code";
  mailbox = address;
  if (needs === "code") tellOfCode(sent);
  form.elements[needs].focus({ preventScroll: true });
}

function tellOfCode(sent) {
  const words = sent
    ? ["We are sending eight digits to ", ". They are good for ten minutes; only the newest mail counts."]
    : ["We can mail eight digits to ", "."];
  const address = document.createElement("strong");
  address.textContent = mailbox;
  part("code-help").replaceChildren(words[0], address, words[1]);
  part("send-word").textContent = sent ? "Mail me a new code" : "Mail me a code";
  // Until a code is under way there is nothing to enter: the one thing to do comes first.
  part("send").classList.toggle("primary", !sent);
  part("open").classList.toggle("primary", sent);
}

function answered([response, body]) {
  if (!response) return problem(body instanceof SyntaxError ? BROKEN : OFFLINE);
  if (response.status === 404) return closed();
  if (!response.ok) return again(body.detail ?? BROKEN);
  if (!body.open) return askFor(body);
  forget();
  return location.replace(body.open);
}

/* What was wrong, and the field once more. */
function again(text) {
  problem(text);
  form.querySelector(".field:not([hidden]) input")?.focus({ preventScroll: true });
}

/* The link will not come back by another try: offer the field for another one. */
function closed() {
  forget();
  locator = null;
  for (const name of ["from", "passcode", "code", "send"]) part(name).hidden = true;
  part("link").hidden = false;
  return problem(CLOSED);
}

async function submit(event) {
  event.preventDefault();
  locator ??= parse(typed("link"));
  if (!locator) return problem(INCOMPLETE);
  problem("");
  const wanted = event.submitter?.name === "send_code" ? { send_code: true } : {};
  if (!wanted.send_code) for (const name of ["passcode", "code"]) if (typed(name)) wanted[name] = typed(name);
  form.inert = true;
  const answer = await send(wanted);
  form.inert = false;
  answered(answer);
  for (const name of ["passcode", "code"]) form.elements[name].value = "";
  return undefined;
}

/* A link that brought its locator is asked about at once: it consumes nothing, and says who sent it. */
async function arrange() {
  locator = take() ?? locator;
  part("link").hidden = Boolean(locator);
  part("passcode").hidden = !locator;
  if (locator) answered(await send());
}

if (form.querySelector('[data-part="link"]')) {
  form.addEventListener("submit", submit);
  addEventListener("hashchange", arrange);
  arrange();
}
