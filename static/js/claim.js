/* Opens a share link: the locator of the address, then the passcode or the mailed code. */
import { forget, parse, take } from "./links/locator.js";

const form = document.getElementById("claim");
const part = (name) => form.querySelector(`[data-part="${name}"]`);

const CLOSED = "This can't be opened. The link may have expired or been withdrawn, or the passcode is not right. Ask the person who sent it to you.";
const OFFLINE = "No connection. Check it and try again.";
const LATER = "Too many tries, or the server is busy. Wait a minute and try again.";
const INCOMPLETE = "That is not a whole link. Copy it again, to its very end.";
const ASK = {
  passcode: { empty: "This link has a passcode. Enter it to go on.", wrong: "That passcode is not right. Try again." },
  mailbox: { empty: "", wrong: "That code is not right. Try again." },
};

let locator = null;

function problem(text) {
  part("problem").hidden = !text;
  part("problem-text").textContent = text;
}

function arrange() {
  locator = take() ?? locator;
  part("link").hidden = Boolean(locator);
  const first = form.querySelector(".field:not([hidden]) input");
  first.focus({ preventScroll: true });
}

const typed = (name) => form.elements[name].value.trim();

async function ask() {
  const body = { ...locator };
  for (const name of ["passcode", "code"]) if (typed(name)) body[name] = typed(name);
  return fetch(form.action, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

function askFor({ factor, hint }) {
  const field = factor === "mailbox" ? "code" : "passcode";
  const tried = Boolean(typed(field));
  problem(ASK[factor]?.[tried ? "wrong" : "empty"] ?? "");
  part("passcode").hidden = field !== "passcode";
  part("code").hidden = field !== "code";
  if (hint) part("hint").textContent = hint;
  form.elements[field].value = "";
  form.elements[field].focus();
}

async function answered(response) {
  if (response.status === 429 || response.status >= 500) return problem(LATER);
  if (!response.ok) return problem(CLOSED);
  const { next, ...factor } = await response.json();
  if (!next) return askFor(factor);
  forget();
  return location.replace(next);
}

async function open(event) {
  event.preventDefault();
  locator ??= parse(typed("link"));
  if (!locator) return problem(INCOMPLETE);
  problem("");
  part("open").disabled = true;
  await ask().then(answered, () => problem(OFFLINE));
  part("open").disabled = false;
  return undefined;
}

form.addEventListener("submit", open);
addEventListener("hashchange", arrange);
arrange();
