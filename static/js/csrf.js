let renewed = null;

/** The token that the page came with, or the one that a new sign-in gave. */
export const csrfToken = () =>
  renewed ?? document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/**
 * Asks this same page for a fresh token. Signing in again changes it.
 *
 * @returns {Promise<boolean>} whether somebody is signed in
 */
export async function renew(address = location.href) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok || new URL(answer.url).pathname !== new URL(address, location).pathname) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const token = page.querySelector('meta[name="csrf-token"]')?.content;
  if (!token) return false;
  renewed = token;
  return true;
}
