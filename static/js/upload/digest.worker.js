import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const PIECE = 4 * 1024 * 1024;

self.onmessage = async ({ data: blob }) => {
  const hash = sha256.create();
  try {
    for (let at = 0; at < blob.size; at += PIECE) {
      hash.update(new Uint8Array(await blob.slice(at, at + PIECE).arrayBuffer()));
    }
    self.postMessage({ digest: bytesToHex(hash.digest()) });
  } catch (error) {
    self.postMessage({ problem: error.message });
  }
};
