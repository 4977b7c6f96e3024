import assert from "node:assert/strict";
import { test } from "node:test";
import { Transfer } from "../../static/js/upload/transfer.js";
import { Trouble, troubleOf } from "../../static/js/upload/trouble.js";

const LARGE = 3 * 1024 * 1024;
const files = (count, size = LARGE) => Array.from({ length: count }, (_, at) => ({ item: { path: `I${at}`, size }, header: {} }));
const paths = (jobs) => jobs.map((job) => job.item.path);
const soon = { delays: [1] };

function until(transfer, ...states) {
  return new Promise((resolve) => {
    const look = () => states.includes(transfer.state) && resolve(transfer.state);
    transfer.addEventListener("change", look);
    look();
  });
}

async function sent(transfer, ...states) {
  transfer.start();
  return until(transfer, ...states);
}

test("everything arrives, never more than four files at a time", async () => {
  let now = 0;
  let most = 0;
  const transfer = new Transfer(files(20), async () => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 1));
    now -= 1;
  });
  assert.equal(await sent(transfer, "done"), "done");
  assert.deepEqual([most, transfer.done, transfer.sent], [4, 20, 20 * LARGE]);
});

test("a lost connection is waited out and nothing is sent twice", async () => {
  const tries = new Map();
  const transfer = new Transfer(files(8), async ([{ item }]) => {
    tries.set(item.path, (tries.get(item.path) ?? 0) + 1);
    if (item.path === "I5" && tries.get("I5") < 3) throw new Trouble("connection");
  }, soon);
  transfer.start();
  assert.equal(await until(transfer, "offline"), "offline");
  assert.equal(await until(transfer, "done"), "done");
  assert.equal(tries.get("I5"), 3);
  assert.equal(tries.get("I0"), 1);
});

test("small files travel together, and each is counted", async () => {
  const requests = [];
  const transfer = new Transfer([...files(20, 1000), ...files(2)], async (jobs, { progress }) => {
    requests.push(jobs.length);
    for (const job of jobs) progress(job, job.item.size);
  });
  assert.equal(await sent(transfer, "done"), "done");
  assert.deepEqual([requests, transfer.done, transfer.sent], [[16, 4, 1, 1], 22, 20_000 + 2 * LARGE]);
});

test("small files of many bytes are cut into several requests", async () => {
  const requests = [];
  const transfer = new Transfer(files(10, 1.5 * 1024 * 1024), async (jobs) => void requests.push(jobs.length));
  assert.equal(await sent(transfer, "done"), "done");
  assert.deepEqual(requests, [5, 5]);
});

test("of a request for several only what was not taken is sent once more, by itself", async () => {
  const requests = [];
  const transfer = new Transfer(files(4, 10), async (jobs) => {
    requests.push(paths(jobs));
    if (jobs.length > 1) return new Map([[jobs[2], new Trouble("again")]]);
  });
  assert.equal(await sent(transfer, "done"), "done");
  assert.deepEqual(requests, [["I0", "I1", "I2", "I3"], ["I2"]]);
});

for (const kind of ["refused", "busy"]) {
  test(`a request for several that is ${kind} says nothing of one: each is tried by itself`, async () => {
    const transfer = new Transfer(files(3, 10), async (jobs) => {
      if (paths(jobs).includes("I1")) throw new Trouble(kind, "No.");
    }, soon);
    transfer.start();
    assert.equal(await until(transfer, "stuck"), "stuck");
    assert.deepEqual([transfer.done, paths(transfer.failed)], [2, ["I1"]]);
  });
}

test("a request for several that broke off begins again where nothing is lost", async () => {
  let broken = false;
  const transfer = new Transfer(files(6, 10), async () => {
    if (broken) return;
    broken = true;
    throw new Trouble("connection");
  }, soon);
  assert.equal(await sent(transfer, "done"), "done");
  assert.deepEqual([transfer.done, transfer.failed.length], [6, 0]);
});

test("an expired sign-in stops the queue until somebody goes on", async () => {
  let signedIn = false;
  const transfer = new Transfer(files(3), async () => {
    if (!signedIn) throw new Trouble("signed-out");
  }, soon);
  assert.equal(await sent(transfer, "signed-out"), "signed-out");
  signedIn = true;
  assert.equal(await sent(transfer, "done"), "done");
});

test("a refused file is named and the others go on", async () => {
  const transfer = new Transfer(files(5), async ([{ item }]) => {
    if (item.path === "I2") throw new Trouble("refused", "Too large.");
  });
  assert.equal(await sent(transfer, "stuck"), "stuck");
  assert.deepEqual(transfer.failed.map((job) => [job.item.path, job.problem]), [["I2", "Too large."]]);
  assert.equal(transfer.done, 4);
});

test("a pause stops what is under way, and going on finishes it", async () => {
  const waits = (signal) => new Promise((resolve, reject) => signal.addEventListener("abort", () => reject(new Trouble("stopped"))));
  let held = true;
  const transfer = new Transfer(files(6), (jobs, { signal }) => (held ? waits(signal) : Promise.resolve()));
  transfer.start();
  transfer.pause();
  held = false;
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual([transfer.state, transfer.done], ["paused", 0]);
  assert.equal(await sent(transfer, "done"), "done");
});

test("a file that the server never takes does not hold up the rest for ever", async () => {
  const transfer = new Transfer(files(3), async ([{ item }]) => {
    if (item.path === "I1") throw new Trouble("busy");
  }, soon);
  assert.equal(await sent(transfer, "stuck"), "stuck");
  assert.deepEqual(transfer.failed.map((job) => job.item.path), ["I1"]);
});

test("each status is handled as what it means", () => {
  const kinds = [200, 0, 401, 403, 423, 503, 413].map((status) => troubleOf(status)?.kind);
  assert.deepEqual(kinds, [undefined, "connection", "signed-out", "signed-out", "busy", "busy", "refused"]);
  assert.equal(troubleOf(400, '{"type": "urn:handover:problem:broken-off"}').kind, "busy");
  assert.equal(troubleOf(422, '{"detail": "Not a DICOM file."}').message, "Not a DICOM file.");
});
