/* The part of a link that only its holder has: `#<id>.<secret>`. It leaves the address bar at once. */
const FORM = /^([A-Za-z0-9_-]{16,64})\.([A-Za-z0-9_-]{16,128})$/;

/** The id and the secret in a link, a fragment or the bare pair; null when there are none. */
export function parse(text) {
  const found = FORM.exec(text.trim().replace(/^[^#]*#/, ""));
  return found && { id: found[1], secret: found[2] };
}

/* A phone may drop this page while its owner looks for the passcode; the tab keeps the pair until it is used. */
const KEY = "handover.link";

/** Takes the locator out of the address bar, or from before a reload of this tab. */
export function take() {
  const fragment = location.hash;
  if (fragment) {
    history.replaceState(null, "", location.pathname + location.search);
    sessionStorage.setItem(KEY, fragment);
  }
  return parse(fragment || sessionStorage.getItem(KEY) || "");
}

export const forget = () => sessionStorage.removeItem(KEY);
