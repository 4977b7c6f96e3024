/* Puts an invitation's locator, which only the address has, into the form that takes it up. */
import { forget, take } from "./links/locator.js";

const field = document.querySelector("[data-locator]");
const locator = take();
if (locator) {
  field.value = `#${locator.id}.${locator.secret}`;
  field.closest(".field").hidden = true;
}
field.form.addEventListener("submit", forget);
