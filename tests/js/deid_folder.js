/* De-identifies a folder as the upload page does, for tests that hold the outcome to the server's. */
import { openAsBlob } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { deidentify } from "../../static/js/deid/index.js";
import { keyFrom, Keys } from "../../static/js/deid/keys.js";
import { Rules } from "../../static/js/deid/transform.js";
import { Refusal } from "../../static/js/deid/walk.js";

const [, , written, secret, source, target] = process.argv;
const rules = new Rules(JSON.parse(await readFile(written, "utf-8")));
const keys = new Keys(await keyFrom(Buffer.from(secret, "hex")));
const created = { day: "20261122", time: "101112" };
const told = {};

for (const name of (await readdir(source)).toSorted()) {
  try {
    const { blob, study, series, instance } = await deidentify(await openAsBlob(`${source}/${name}`), { rules, keys, created });
    await writeFile(`${target}/${name}`, Buffer.from(await blob.arrayBuffer()));
    told[name] = { study, series, instance };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    told[name] = { refused: error.message };
  }
}
process.stdout.write(JSON.stringify(told));
