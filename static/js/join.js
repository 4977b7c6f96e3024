/* Puts an invitation's locator, which only the address has, into the form that asks for it. */
import { forget, take } from "./links/locator.js";

const field = document.querySelector("[data-locator]");
if (field) {
  const locator = take();
  if (locator) {
    field.value = `#${locator.id}.${locator.secret}`;
    field.closest(".field").hidden = true;
  }
  field.form.addEventListener("submit", forget);
}
