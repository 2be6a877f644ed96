/** Where we are: the path and the search parameters, which hold all state worth a link. */
import { useMemo, useSyncExternalStore } from "react";

export type Values = Record<string, string | readonly string[] | null | undefined>;

const listeners = new Set<() => void>();
const announce = () => {
  for (const listener of listeners) listener();
};
addEventListener("popstate", announce);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useRoute(): { path: string; params: URLSearchParams } {
  const url = useSyncExternalStore(subscribe, () => location.pathname + location.search);
  return useMemo(() => {
    const at = new URL(url, location.origin);
    return { path: at.pathname, params: at.searchParams };
  }, [url]);
}

export function go(url: string, replace = false): void {
  if (url === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  announce();
}

function assign(params: URLSearchParams, values: Values): URLSearchParams {
  for (const [name, value] of Object.entries(values)) {
    params.delete(name);
    if (value === null || value === undefined || value === "") continue;
    for (const one of typeof value === "string" ? [value] : value) params.append(name, one);
  }
  return params;
}

function address(path: string, params: URLSearchParams): string {
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

/** An address of this dashboard; the workspace goes along. */
export function href(path: string, values: Values = {}): string {
  const workspace = new URLSearchParams(location.search).get("workspace");
  return address(path, assign(new URLSearchParams(workspace ? { workspace } : {}), values));
}

/** Change some parameters of where we are. */
export function adjust(values: Values, replace = false): void {
  go(address(location.pathname, assign(new URLSearchParams(location.search), values)), replace);
}
