/* When the server is busy it says for how long: wait that long, give or take, and ask again. */

const TRIES = 5;

/** The answer of `ask`, asked again for as long as it says "busy, try again". */
export async function patiently(ask, { signal, rest = pause } = {}) {
  for (let tried = 1; ; tried += 1) {
    const answer = await ask();
    const seconds = Number(answer.headers?.get("Retry-After"));
    if (answer.status !== 503 || !(seconds > 0) || tried === TRIES) return answer;
    /* Not all at the same moment, or those who came together would be refused together. */
    await rest(seconds * 1000 * (0.5 + Math.random()), signal);
  }
}

function pause(time, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, time);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Pictures that stand in the page cannot wait by themselves. */
export function listen(root = document) {
  root.addEventListener("error", ({ target }) => late(target), true);
  for (const image of root.querySelectorAll("img")) if (image.complete && !image.naturalWidth) late(image);
}

async function late(image) {
  if (!image.matches?.('img[src*="/dicom-web/"]')) return;
  const answer = await patiently(() => fetch(image.src, { credentials: "same-origin" })).catch(() => null);
  if (!answer?.ok) return;
  image.src = URL.createObjectURL(await answer.blob());
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
}
