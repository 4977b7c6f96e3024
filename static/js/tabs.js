/* On a narrow screen the row of tabs scrolls: the present one is brought into sight. */
function bring() {
  for (const tab of document.querySelectorAll('.tab[aria-current="page"]')) {
    const row = tab.parentElement;
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }
}

export function listen() {
  bring();
  addEventListener("resize", bring);
}
