/* The share is over: the page is emptied first, then says why. */

const WORDS = {
  "signed-out": ["You have been signed out", "Sign in again to go on reading. The images have been removed from this page."],
};

export function blank(page, reading, reason) {
  page.body.dataset.state = "ended";
  reading?.close();
  page.stage.replaceChildren();
  page.list.replaceChildren();
  page.body.querySelector(".vw-patient")?.replaceChildren();
  page.body.querySelector("[data-open-note]")?.remove();
  page.toolbar.remove();
  document.querySelector("dialog[open]")?.close();
  document.title = "Handover";
  tell(page, reason);
}

function tell(page, reason) {
  const panel = page.body.querySelector("[data-ended]");
  const [title, words] = WORDS[reason] ?? [];
  if (title) panel.querySelector("[data-ended-title]").textContent = title;
  if (words) panel.querySelector("[data-ended-words]").textContent = words;
  panel.hidden = false;
  panel.focus();
}
