/* The words on a picture. What they say belongs to the frame that is on the screen now,
   never to the one that is still on its way. */

import { date, number, text } from "./dataset.js";
import { make } from "./page.js";
import { edges } from "./stack.js";

const CORNERS = ["top-left", "top-right", "bottom-left", "bottom-right"];
const SIDES = ["top", "left", "right", "bottom"];

export class Overlays {
  constructor(pane) {
    this.corners = Object.fromEntries(CORNERS.map((name) => [name, make("div", { class: `vw-corner vw-${name}`, "aria-hidden": "true" })]));
    this.sides = Object.fromEntries(SIDES.map((name) => [name, make("div", { class: `vw-edge vw-edge-${name}`, "aria-hidden": "true" })]));
    pane.append(...Object.values(this.corners), ...Object.values(this.sides));
  }

  show(image, view) {
    const { dataset } = image;
    this.#write("top-left", [who(dataset), text(dataset, "00100020") && `ID ${text(dataset, "00100020")}`]);
    this.#write("top-right", [text(dataset, "00081030"), seriesLine(dataset), date(text(dataset, "00080020"))]);
    this.#write("bottom-left", [countLine(image, view), place(dataset)]);
    this.#write("bottom-right", [windowLine(view), `Zoom ${Math.round(view.zoom * 100)} %`, changed(view), lossy(dataset)]);
    const letters = edges(image, view.axes) ?? {};
    for (const side of SIDES) this.sides[side].textContent = letters[side] ?? "";
  }

  clear() {
    for (const element of [...Object.values(this.corners), ...Object.values(this.sides)]) element.replaceChildren();
  }

  #write(corner, lines) {
    this.corners[corner].replaceChildren(...lines.filter(Boolean).map((line) => make("div", {}, line)));
  }
}

function who(dataset) {
  const born = date(text(dataset, "00100030"));
  return [text(dataset, "00100010"), text(dataset, "00100040"), born].filter(Boolean).join(" · ");
}

function seriesLine(dataset) {
  const words = [text(dataset, "00080060"), text(dataset, "00200011"), text(dataset, "0008103E")];
  return words.filter(Boolean).join(" · ");
}

function countLine(image, { index, count }) {
  const frame = image.frames > 1 ? ` · frame ${image.frame}/${image.frames}` : "";
  return `Image ${index + 1} of ${count}${image.frames === count ? "" : frame}`;
}

function place(dataset) {
  const parts = [];
  const thick = number(dataset, "00180050");
  const where = number(dataset, "00201041");
  if (thick > 0) parts.push(`${round(thick)} mm thick`);
  if (where !== undefined) parts.push(`at ${round(where)} mm`);
  return parts.join(", ");
}

function windowLine({ window }) {
  return window ? `Level ${round(window.center)}  Width ${round(window.width)}` : "";
}

const TURNS = { 90: "turned right", 180: "upside down", 270: "turned left" };

/* What on the screen is not as it was made. */
function changed({ rotation, mirrored, inverted }) {
  const words = [TURNS[rotation], mirrored && "mirrored", inverted && "inverted"].filter(Boolean).join(", ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function lossy(dataset) {
  return text(dataset, "00282110") === "01" ? "Compressed with loss" : "";
}

function round(value) {
  return Math.abs(value) >= 20 ? Math.round(value) : Math.round(value * 10) / 10;
}
