import htmx from "htmx.org/dist/htmx.esm.js";
import { csrfToken } from "./csrf.js";
import { listen as listenToClocks } from "./clock.js";
import { listen as listenToClipboard } from "./copy.js";
import { listen as listenToDialogs } from "./dialogs.js";
import { listen as listenToFilters } from "./filters.js";
import { listen as listenToPictures } from "./patience.js";
import { listen as listenToReviews } from "./review.js";
import { listen as listenToRows } from "./rows.js";
import { listen as listenToTabs } from "./tabs.js";
import { listen as listenToTheme } from "./theme-button.js";
import { listen as listenToToasts } from "./toasts.js";

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = csrfToken();
});

listenToClipboard();
listenToClocks();
listenToDialogs();
listenToFilters(htmx);
listenToPictures();
listenToReviews();
listenToRows();
listenToTabs();
listenToTheme();
listenToToasts();
