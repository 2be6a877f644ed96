import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

declare const process: { env: Record<string, string | undefined> };

const SERVER = process.env["PROMPTFORGE_URL"] ?? "http://127.0.0.1:8000";

// The built pages are served by the Python server under a strict content policy: nothing inlined, nothing remote.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/promptforge/server/dashboard/dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    reportCompressedSize: true,
  },
  // `npm run dev` talks to a running server; it answers only to its own pages, so the proxy passes for one.
  server: {
    proxy: Object.fromEntries(
      ["/graphql", "/login", "/logout"].map((path) => [
        path,
        { target: SERVER, changeOrigin: true, headers: { origin: SERVER }, ws: path === "/graphql" },
      ]),
    ),
  },
});
