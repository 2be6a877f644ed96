/** Downloading what a filter finds; the file itself is the browser's business. */
import type { Filter } from "./executions";
import { Problem, workspace } from "./client";

export type ExportFormat = "jsonl" | "csv" | "parquet";

function address(filter: Filter, format: ExportFormat, content: boolean): string {
  const params = new URLSearchParams({ format, filter: JSON.stringify(filter), content: String(content) });
  const name = workspace();
  if (name) params.set("workspace", name);
  return `/export?${params}`;
}

/** Ask first, without reading on, so that a refusal is a sentence here and no broken download; then download. */
export async function download(filter: Filter, format: ExportFormat, content: boolean): Promise<void> {
  const url = address(filter, format, content);
  const asked = new AbortController();
  const answer = await fetch(url, { credentials: "same-origin", signal: asked.signal }).catch(() => {
    throw new Problem("The server does not answer. Is `promptforge serve` running?", "UNREACHABLE");
  });
  if (!answer.ok) {
    const said = (await answer.json().catch(() => ({}))) as { errors?: { message: string }[] };
    throw new Problem(said.errors?.[0]?.message ?? `The server answered ${answer.status}.`, "ERROR");
  }
  asked.abort();
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
}
