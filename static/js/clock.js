/* Clocks that count up from a moment: the server writes minutes, here the seconds run, too. */
const two = (number) => String(number).padStart(2, "0");

export function elapsed(from, now) {
  const seconds = Math.max(0, Math.floor((now - from) / 1000));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

function tick() {
  for (const clock of document.querySelectorAll("[data-clock]")) {
    const text = elapsed(Date.parse(clock.dateTime), Date.now());
    if (clock.textContent !== text) clock.textContent = text;
  }
}

export function listen() {
  tick();
  setInterval(tick, 1000);
}
