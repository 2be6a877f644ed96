import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

declare const process: { env: Record<string, string | undefined> };

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
  server: {
    proxy: Object.fromEntries(
      ["/graphql", "/login", "/logout"].map((path) => [
        path,
        { target: process.env["PROMPTFORGE_URL"] ?? "http://127.0.0.1:8000", ws: path === "/graphql" },
      ]),
    ),
  },
});
