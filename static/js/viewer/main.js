/* Starts the viewer. The first picture is in the page already; this small part watches over the
   share at once and fetches the large one only when that picture stands. */

import { listen as listenToPictures } from "../patience.js";
import { readPage, say } from "./page.js";
import { Share } from "./share.js";
import { blank } from "./ended.js";
import { watchNews } from "./news.js";

const FIRST_PATIENCE = 4000;

const page = readPage();
const share = new Share(page);
let reading = null;

listenToPictures();

share.addEventListener("ended", ({ detail }) => blank(page, reading, detail.reason));
share.addEventListener("connection", ({ detail }) => {
  page.body.toggleAttribute("data-offline", !detail.online);
  if (!detail.online) say(page, "No connection. Trying again.");
});
addEventListener("pageshow", (event) => {
  if (event.persisted && page.alive) share.check();
});

async function start() {
  share.watch();
  if (page.news) watchNews(page, share);
  await firstPicture(page.first?.image);
  const [{ openReading }, { Controls }] = await Promise.all([import("./reading.js"), import("./controls.js")]);
  if (share.ended) return;
  reading = await openReading(page, share);
  new Controls(page, reading);
  page.body.dataset.state = "open";
  await reading.start();
}

function firstPicture(image) {
  if (!image || image.complete) return Promise.resolve();
  return new Promise((resolve) => {
    for (const name of ["load", "error"]) image.addEventListener(name, resolve, { once: true });
    setTimeout(resolve, FIRST_PATIENCE);
  });
}

start().catch((error) => {
  if (share.ended) return;
  page.body.dataset.state = "broken";
  say(page, "The viewer could not start. Reload the page, or use a current browser.");
  throw error;
});
