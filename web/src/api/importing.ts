/** Sending a file to the import door: the browser streams it, the server answers with lines of progress. */
import { workspace, Problem } from "./client";
import type { Format } from "../table";

export interface Rejected {
  line: number | null;
  message: string;
}
export interface Progress {
  /** Bytes that have left the browser. */
  sent: number;
  received: number;
  stored: number;
  duplicate: number;
  rejected: number;
  /** The first of the rejected lines. */
  problems: readonly Rejected[];
}
export interface Upload {
  file: File;
  format: Format;
  /** A field of the record, and the file's column. */
  map: readonly (readonly [string, string])[];
  preset: string | null;
  model: string;
  provider: string;
}

const SHOWN = 200;
const BEGINNING: Progress = { sent: 0, received: 0, stored: 0, duplicate: 0, rejected: 0, problems: [] };

function address({ format, map, preset, model, provider }: Upload): string {
  const params = new URLSearchParams({ format });
  if (preset) params.set("preset", preset);
  for (const [field, column] of map) params.append("map", `${field}=${column}`);
  if (model) params.set("model", model);
  if (provider) params.set("provider", provider);
  return `/import?${params}`;
}

/** The lines of an answer that are whole by now, from *at* on. */
function whole(text: string, at: number): [unknown[], number] {
  const end = text.lastIndexOf("\n") + 1;
  if (end <= at) return [[], at];
  const lines = text.slice(at, end).split("\n").filter(Boolean);
  return [lines.map((line) => JSON.parse(line) as unknown), end];
}

interface Answer extends Omit<Progress, "sent"> {
  errors?: { message: string; extensions?: { code?: string } }[];
}

function added(before: Progress, line: unknown): Progress {
  const said = line as Answer;
  throwIn(said);
  return { ...before, ...said, problems: [...before.problems, ...said.problems].slice(0, SHOWN) };
}

function throwIn({ errors }: Pick<Answer, "errors">): void {
  const first = errors?.[0];
  if (first) throw new Problem(first.message, first.extensions?.code ?? "ERROR");
}

function refusal(request: XMLHttpRequest): Error {
  try {
    throwIn(JSON.parse(request.responseText) as Answer);
  } catch (error) {
    if (error instanceof Problem) return error;
  }
  return new Problem(`The server answered ${request.status}.`, "ERROR");
}

/** Send it. Not fetch, which tells nothing before the whole file has left. */
export function upload(given: Upload, tell: (progress: Progress) => void, signal: AbortSignal): Promise<Progress> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let progress = BEGINNING;
    let read = 0;
    const hear = () => {
      if (request.status !== 200) return;
      const [lines, end] = whole(request.responseText, read);
      read = end;
      progress = lines.reduce(added, progress);
      tell(progress);
    };
    const heard = (then: () => void) => () => {
      try {
        hear();
        then();
      } catch (error) {
        reject(error as Error);
        request.abort();
      }
    };
    request.upload.onprogress = (event) => tell((progress = { ...progress, sent: event.loaded }));
    request.onprogress = heard(() => undefined);
    request.onload = heard(() => (request.status === 200 ? resolve(progress) : reject(refusal(request))));
    request.onerror = () =>
      reject(new Problem("The connection was lost. Send the file again: nothing is stored twice.", "UNREACHABLE"));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.open("POST", address(given));
    const name = workspace();
    if (name) request.setRequestHeader("X-PromptForge-Workspace", name);
    request.setRequestHeader("Content-Type", given.format === "csv" ? "text/csv" : "application/x-ndjson");
    request.send(given.file);
  });
}
