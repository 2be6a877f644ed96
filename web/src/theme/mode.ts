/** Which theme is on: the system's unless somebody chose; the choice is kept in this browser. */
import { useSyncExternalStore } from "react";

export type Mode = "system" | "light" | "dark";
const KEY = "promptforge.theme";
const listeners = new Set<() => void>();

function read(): Mode {
  const chosen = document.documentElement.dataset["theme"];
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

export function setMode(mode: Mode): void {
  if (mode === "system") {
    delete document.documentElement.dataset["theme"];
    localStorage.removeItem(KEY);
  } else {
    document.documentElement.dataset["theme"] = mode;
    localStorage.setItem(KEY, mode);
  }
  for (const listener of listeners) listener();
}

/** Switch to the theme that is not shown now. */
export function toggleMode(): void {
  const shown = read();
  const dark = shown === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : shown === "dark";
  setMode(dark ? "light" : "dark");
}

export function useMode(): Mode {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, read);
}
