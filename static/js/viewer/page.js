/* What the server wrote into the page: read once, given to everything else. */

export function readPage(body = document.body) {
  const { root, study, alive, back, news, renderedOnly, mayDownload } = body.dataset;
  return {
    body,
    root,
    study,
    alive: alive || "",
    news: news || "",
    back: back || "/",
    renderedOnly: renderedOnly === "true",
    mayDownload: mayDownload === "true",
    stage: body.querySelector("#vw-stage"),
    toolbar: body.querySelector("[data-toolbar]"),
    list: body.querySelector("#vw-series"),
    live: body.querySelector("[data-live]"),
    first: readFirst(body.querySelector("img.vw-first")),
    studyUrl: `${root}/studies/${study}`,
  };
}

function readFirst(image) {
  if (!image) return null;
  const { instance, frame, index } = image.dataset;
  return { image, instance, frame: Number(frame) || 1, index: Number(index) || 1 };
}

/** Speak to a screen reader without moving anything on the page. */
export function say(page, words) {
  page.live.textContent = words;
}

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function icon(name) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("class", "vw-icon");
  picture.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  picture.append(use);
  return picture;
}
