import { resolve } from "node:path";
import { defineConfig } from "vite";

const root = resolve(import.meta.dirname, "static");

/* One entry per kind of page. The names are what {% asset %} is called with. */
const entries = [
  "css/app.css",
  "js/theme.js",
  "js/app.js",
  "js/upload.js",
  "js/claim.js",
  "js/join.js",
  "js/viewer/main.js",
  "css/viewer.css",
];

export default defineConfig({
  root,
  /* Relative, so that the files work under whatever STATIC_URL a hospital gives them. */
  base: "./",
  publicDir: false,
  worker: { format: "es" },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    manifest: "manifest.json",
    /* Nothing as data: URI or inline script: the content policy allows neither. */
    assetsInlineLimit: 0,
    assetsDir: "assets",
    modulePreload: { polyfill: false },
    target: ["chrome123", "edge123", "firefox120", "safari17.5"],
    rollupOptions: {
      input: Object.fromEntries(entries.map((name) => [name.replace(/\.\w+$/, ""), resolve(root, name)])),
    },
  },
});
