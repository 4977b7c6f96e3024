import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = { cookie: "", querySelector: () => null };
const { senderOf } = await import("../../static/js/upload/sender.js");

const upload = { files_url: "/api/uploads/1/files/" };
const jobs = () => ["IM1", "IM2"].map((path) => ({
  item: { path, size: 4, blob: async () => new Blob(["data"]) },
  digest: Promise.resolve("0".repeat(64)),
}));

/* A line on which every request is answered so. */
function answering(status, responseText) {
  globalThis.XMLHttpRequest = class {
    upload = {};
    status = status;
    responseText = responseText;
    open() {}
    setRequestHeader() {}
    abort() {}
    send() {
      queueMicrotask(() => this.onload());
    }
  };
}

const send = () => {
  const digests = new Map();
  const sending = senderOf(upload, { digests, there: async () => null });
  return sending(jobs(), { signal: new AbortController().signal, progress: () => {} }).then((troubles) => ({ troubles, digests }));
};

test("files that were sent together are each answered for", async () => {
  answering(200, JSON.stringify({ results: [{ state: "stored" }, { state: "again", reason: "changed" }] }));
  const { troubles, digests } = await send();
  assert.deepEqual([...troubles.values()].map(({ kind }) => kind), ["again"]);
  assert.equal(digests.size, 1);
});

test("what a hotel's network answers in our place does not keep Ben's upload waiting for ever", async () => {
  answering(200, "<h1>Welcome, please accept our terms</h1>");
  await assert.rejects(send());
});
