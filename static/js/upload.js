/* The upload page: choose, look through, send, receipt. */
import { renew } from "./csrf.js";
import { listen, take } from "./upload/choose.js";
import { Cleaning, shown } from "./upload/cleaning.js";
import { Inventory, totals } from "./upload/inventory.js";
import { manifestOf, shelf } from "./upload/manifest.js";
import * as memory from "./upload/memory.js";
import { ProgressView } from "./upload/progress.js";
import { size } from "./upload/rate.js";
import { senderOf } from "./upload/sender.js";
import * as server from "./upload/server.js";
import { Transfer } from "./upload/transfer.js";
import { day, drawList, drawTree, images } from "./upload/tree.js";

const root = document.getElementById("upload");
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const inventory = new Inventory();
let going = root.dataset.resumeId
  ? { id: root.dataset.resumeId, files_url: root.dataset.resumeFilesUrl, page_url: root.dataset.resumePageUrl }
  : memory.unfinished();
let transfer = null;
let busy = false;

function show(stage) {
  root.dataset.stage = stage;
  for (const section of root.querySelectorAll("[data-stage-of]")) {
    section.hidden = !section.dataset.stageOf.split(" ").includes(stage);
  }
  if (stage !== "choose") root.querySelector(`[data-stage-of~="${stage}"] [data-heading]`)?.focus();
}

function say(text) {
  part("said").textContent = text;
}

function problem(text) {
  part("problem").hidden = !text;
  part("problem-text").textContent = text;
}

/* ---- Choose ------------------------------------------------------------- */

const reading = {
  found: (count) => {
    part("reading-count").textContent = `${count.toLocaleString("en")} files found`;
  },
  progress: (done, all) => {
    Object.assign(part("reading-bar"), { max: all, value: done });
    part("reading-count").textContent = `${done.toLocaleString("en")} of ${all.toLocaleString("en")} files read`;
  },
};

async function taken(items) {
  if (busy || transfer) return;
  busy = true;
  problem("");
  show("reading");
  part("reading-bar").removeAttribute("value");
  try {
    await take(items, inventory, reading);
  } catch {
    problem("This could not be read. Was the disc taken out, or the folder moved? Please choose it again.");
  }
  busy = false;
  review();
}

/* ---- Look through ------------------------------------------------------- */

function review() {
  if (!inventory.size) {
    show("choose");
    nothingFound();
    return;
  }
  show("review");
  if (going?.left) leaveOut(going.left);
  drawTree(part("tree"), inventory, drawChoice);
  drawSkipped();
  part("resumes").hidden = !going;
  drawChoice();
  say(`${images(inventory.size)} found.`);
}

function nothingFound() {
  const count = inventory.skipped.length;
  const named = inventory.missing().length;
  if (named) problem(`The disc's table of contents names ${counted(named)}, but ${named === 1 ? "it is" : "they are"} not here. Choose the whole disc, with its folders.`);
  else if (count) problem(`No DICOM images among these ${count.toLocaleString("en")} files. Choose the whole disc or folder that the images are in.`);
}

const counted = (count, which = "") => `${count.toLocaleString("en")} ${which}${count === 1 ? "file" : "files"}`;

function drawMissing() {
  const missing = inventory.missing();
  part("missing").hidden = !missing.length;
  part("missing-text").textContent = `The disc's table of contents names ${counted(missing.length)} that ${missing.length === 1 ? "is" : "are"} not here.`;
  drawList(part("missing-list"), missing.map((path) => ({ path, reason: "" })));
}

function drawSkipped() {
  drawMissing();
  part("unread").hidden = !inventory.unreadable.length;
  part("unread-count").textContent = inventory.unreadable.length;
  drawList(part("unread-list"), inventory.unreadable.map(({ item }) => ({ path: item.path, reason: "" })));
  part("skipped").hidden = !inventory.skipped.length;
  part("skipped-count").textContent = counted(inventory.skipped.length, "other ");
  drawList(part("skipped-list"), inventory.skipped);
}

function drawChoice() {
  const { files, bytes } = totals(inventory.chosenFiles());
  const patients = inventory.chosenPatients();
  const several = patients.length > 1;
  part("several").hidden = !several;
  part("several-count").textContent = patients.length;
  if (!several) part("several-sure").checked = false;
  part("several-label").textContent = `Yes, all ${patients.length} patients belong in this upload`;
  part("send-label").textContent = `Upload ${images(files)}${cleaning ? " without who it is" : ""}`;
  part("send-size").textContent = size(bytes);
  part("send").disabled = !files || (several && !part("several-sure").checked);
}

/* ---- Remove who it is --------------------------------------------------- */

let cleaning = null;
let leftOut = "";

async function clean() {
  problem("");
  const wanted = part("clean").checked;
  part("cleaned").hidden = !wanted;
  part("clean-left").hidden = true;
  cleaning = null;
  leftOut = "";
  if (wanted) await beginCleaning();
  drawChoice();
}

async function beginCleaning() {
  try {
    cleaning = await Cleaning.begin(await server.rules(root.dataset.rules));
    drawCleaned(await firstCleaned());
  } catch (error) {
    cleaning = null;
    part("clean").checked = false;
    part("cleaned").hidden = true;
    problem(BEGINNINGS[error.kind] ?? "This browser cannot do that. Is the page open by https?");
  }
}

/* One file is enough to show what goes. */
async function firstCleaned() {
  for (const file of inventory.chosenFiles().slice(0, 30)) {
    const made = await cleaning.one(file);
    if (made.changes) return made;
  }
  return null;
}

function drawCleaned(made) {
  const rows = made ? shown(made).map(cleanedRow) : [];
  part("clean-rows").replaceChildren(...rows);
  part("clean-table").hidden = !rows.length;
}

function cleanedRow({ label, before, after }) {
  const row = document.getElementById("clean-row").content.cloneNode(true).firstElementChild;
  const put = (name, text) => {
    row.querySelector(`[data-put="${name}"]`).textContent = text;
  };
  put("label", label);
  put("before", day(before));
  put("after", day(after) || "removed");
  return row;
}

/* The files to send, cleaned where that is wanted; none where somebody has to look at what stays here first. */
async function readyToSend() {
  const chosen = inventory.chosenFiles();
  if (!cleaning) return chosen;
  show("reading");
  const { files, refused } = await cleaning.all(chosen, reading);
  const left = refused.map(({ path }) => path).join("\n");
  if (left === leftOut && files.length) return files;
  leftOut = left;
  show("review");
  drawLeft(files, refused);
  return null;
}

function drawLeft(files, refused) {
  part("clean-left").hidden = false;
  part("clean-left-text").textContent = `${counted(refused.length)} cannot be cleaned in the browser and will stay here.`;
  part("clean-left-hint").textContent = files.length
    ? `Press Upload again to send the other ${images(files.length)}, or untick the box to send everything as it is.`
    : "Nothing is left to send. Untick the box to send the files as they are.";
  drawList(part("clean-left-list"), refused);
  part("clean-left").scrollIntoView({ block: "center" });
}

/* ---- Send --------------------------------------------------------------- */

function keep({ id, files_url, page_url }, { files, bytes }) {
  const left = [...inventory.allSeries()].filter((series) => !series.chosen).map((series) => memory.markOf(series.uid));
  memory.remember({ id, files_url, page_url, files, bytes, left, at: Date.now() });
}

/* What was left out of an upload stays out when it goes on. */
function leaveOut(left) {
  for (const series of inventory.allSeries()) {
    if (left.includes(memory.markOf(series.uid))) series.chosen = false;
  }
}

async function openUpload() {
  if (going && !cleaning) return { upload: going, rows: await server.known(going) };
  const what = { note: part("note").value.trim(), profile: cleaning?.digest };
  return { upload: await server.begin(root.dataset.endpoint, what), rows: [] };
}

const BEGINNINGS = {
  connection: "No connection to the server. Nothing has been sent yet; try again in a moment.",
  "signed-out": "Your sign-in has expired. Sign in again in a new window, then press Upload once more.",
  busy: "The server is busy. Try again in a moment.",
};

async function send() {
  problem("");
  part("send").disabled = true;
  try {
    const files = await readyToSend();
    if (!files) {
      drawChoice();
      return;
    }
    const { upload, rows } = await openUpload();
    if (!cleaning) keep(upload, totals(files)); // another page would have another key
    run(upload, files, rows);
  } catch (error) {
    begunBadly(error);
  }
}

async function begunBadly(error) {
  part("send").disabled = false;
  if (root.dataset.stage === "reading") show("review");
  if (error.kind === "refused" && going) {
    going = null; // the server has forgotten it, so it begins afresh
    memory.forget();
    await send();
    return;
  }
  if (error.kind === "signed-out") renew().catch(() => {});
  problem(BEGINNINGS[error.kind] ?? error.message);
}

function run(upload, files, rows) {
  const digests = new Map();
  const there = shelf(() => server.known(upload), rows);
  transfer = new Transfer(files, senderOf(upload, { digests, there }));
  const view = new ProgressView(part("sending"), transfer);
  transfer.addEventListener("change", () => stateChanged(upload, files, digests));
  show("sending");
  transfer.start();
  stayAwake();
  view.draw();
}

let lastState = "";

function stateChanged(upload, files, digests) {
  if (transfer.state === lastState) return;
  lastState = transfer.state;
  if (transfer.state === "done") finish(upload, files, digests);
  if (transfer.state === "stuck") part("finish-anyway").onclick = () => finish(upload, files, digests);
}

const again = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function finish(upload, files, digests, wait = 1) {
  try {
    await server.finish(upload, manifestOf(files, digests));
  } catch (error) {
    if (error.kind === "connection" || error.kind === "busy") {
      await again(wait);
      await finish(upload, files, digests, Math.min(30, wait * 2));
      return;
    }
    unfinished(error, () => finish(upload, files, digests));
    return;
  }
  memory.forget();
  removeEventListener("beforeunload", warn);
  location.assign(upload.page_url);
}

function unfinished(error, retry) {
  if (error.kind === "signed-out") {
    onSignedIn = retry;
    part("sending").querySelector('[data-when="signed-out"]').hidden = false;
    return;
  }
  problem(`All files were sent, but the receipt could not be made: ${error.message}`);
}

/* ---- Pause, resume, connection, sign-in --------------------------------- */

let onSignedIn = () => transfer?.start();

async function signedInAgain() {
  const signedIn = await renew().catch(() => false);
  if (!signedIn) {
    say("You are not signed in yet.");
    return;
  }
  part("sending").querySelector('[data-when="signed-out"]').hidden = true;
  onSignedIn();
}

function warn(event) {
  if (!transfer || ["cancelled", "done"].includes(transfer.state)) return;
  event.preventDefault();
}

async function stayAwake() {
  if (document.visibilityState !== "visible" || transfer?.state !== "sending") return;
  await navigator.wakeLock?.request("screen").catch(() => {}); // a courtesy; without it the screen may go dark
}

const CLICKS = {
  send,
  pause: () => transfer.pause(),
  resume: () => transfer.start(),
  "try-now": () => transfer.start(),
  again: () => transfer.again(),
  "signed-in": signedInAgain,
  "start-over": () => location.assign(location.pathname),
  "forget-unfinished": () => {
    going = null;
    memory.forget();
    part("unfinished").hidden = true;
    part("resumes").hidden = true;
  },
  cancel: () => document.getElementById("cancel-upload").showModal(),
  "really-cancel": () => {
    transfer.cancel();
    memory.forget();
    removeEventListener("beforeunload", warn);
    location.assign(location.pathname);
  },
};

function showUnfinished() {
  part("unfinished").hidden = !going;
  if (!going) return;
  const begun = going.at ? ` of ${new Date(going.at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}` : "";
  const amount = going.files ? ` (${images(going.files)}, ${size(going.bytes)})` : "";
  part("unfinished-text").textContent = `The upload${begun}${amount} has not been finished.`;
}

listen(root, taken);
root.addEventListener("click", (event) => CLICKS[event.target.closest("[data-does]")?.dataset.does]?.());
part("several-sure").addEventListener("change", drawChoice);
part("clean").addEventListener("change", clean);
addEventListener("beforeunload", warn);
addEventListener("online", () => transfer?.state === "offline" && transfer.start());
addEventListener("visibilitychange", stayAwake);
addEventListener("focus", () => transfer?.state === "signed-out" && signedInAgain());
showUnfinished();
show("choose");
