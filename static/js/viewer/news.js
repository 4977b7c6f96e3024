/* What is STAT reaches who reads images too: the bar of the other pages, asked as often as there. */

import { listen as runClocks } from "../clock.js";
import { make } from "./page.js";

const EVERY = 15000;

export function watchNews(page, share) {
  const bar = page.body.querySelector("[data-news-bar]");
  let state = "";

  async function ask() {
    try {
      const answer = await share.fetch(`${page.news}?state=${encodeURIComponent(state)}`);
      if (answer.status === 200) state = show(await answer.text());
    } catch {
      // The thread to the server says by itself when it is cut; the next question is soon.
    }
    if (!share.ended) setTimeout(ask, EVERY);
  }

  function show(html) {
    const news = new DOMParser().parseFromString(html, "text/html");
    const words = news.querySelector(".stat-bar .grow");
    const study = news.querySelector(".stat-bar a.primary")?.getAttribute("href");
    bar.replaceChildren();
    // Who reads the very study that is STAT needs no bar over it.
    if (words && !location.pathname.startsWith(study)) {
      const inbox = make("a", { href: "/inbox/", class: "vw-button" }, "Inbox");
      const later = make("button", { type: "button", class: "vw-button" }, "Later");
      later.addEventListener("click", () => bar.replaceChildren()); // until there is other news
      bar.append(make("p", {}, ...document.importNode(words, true).childNodes), inbox, later);
    }
    return new URL(news.querySelector("#news").getAttribute("hx-get"), location.href).searchParams.get("state");
  }

  runClocks();
  return ask();
}
