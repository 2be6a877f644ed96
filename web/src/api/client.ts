/** One request to the GraphQL API. Same origin, the session's cookie, the workspace in a header. */
import { print } from "@0no-co/graphql.web";
import type { TadaDocumentNode } from "gql.tada";

const KEY = "promptforge.workspace";

/** The workspace that is looked at: the address says it, else the one used last; null is the server's choice. */
export function workspace(): string | null {
  return new URLSearchParams(location.search).get("workspace") ?? localStorage.getItem(KEY);
}

export function rememberWorkspace(id: string): void {
  localStorage.setItem(KEY, id);
}

/** Look at another workspace: the page starts anew, so that nothing of the one before is left. */
export function enterWorkspace(id: string): void {
  rememberWorkspace(id);
  location.assign(`${location.pathname}?workspace=${encodeURIComponent(id)}`);
}

/** Forget the workspace and start anew; the server chooses one. */
export function leaveWorkspace(): void {
  localStorage.removeItem(KEY);
  location.assign("/");
}

/** What the API said instead of an answer. */
export class Problem extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
  get loggedOut(): boolean {
    return this.code === "UNAUTHENTICATED";
  }
}

interface Answer {
  data?: unknown;
  extensions?: { freshness?: { behind: number } };
  errors?: { message: string; extensions?: { code?: string } }[];
}

const late = new WeakSet<object>();

/** Whether an answer lacks something that was acknowledged before it was asked for. */
const isLate = (answer: unknown): boolean => late.has(answer as object);

/** Options of a query that asks again soon as long as its answer lacks something, and every *pause* otherwise. */
export const untilWhole = (pause: number | false = false) => ({
  refetchInterval: (query: { state: { data?: unknown } }) => {
    const { data } = query.state;
    const parts = typeof data === "object" && data !== null && "pages" in data ? (data.pages as unknown[]) : [data];
    return parts.some(isLate) ? 1_000 : pause;
  },
  structuralSharing: false as const, // which would keep an earlier answer that says the same, or a copy of both
});

const texts = new WeakMap<object, string>();

/** The document as text; printed once. */
export function text(document: object): string {
  let printed = texts.get(document);
  if (printed === undefined) texts.set(document, (printed = print(document as Parameters<typeof print>[0])));
  return printed;
}

export async function request<Result, Variables>(
  document: TadaDocumentNode<Result, Variables>,
  variables: Variables,
  signal?: AbortSignal,
): Promise<Result> {
  const headers: Record<string, string> = { "Content-Type": "application/json", Accept: "application/json" };
  const name = workspace();
  if (name) headers["X-PromptForge-Workspace"] = name;
  let response: Response;
  try {
    const body = JSON.stringify({ query: text(document), variables });
    response = await fetch("/graphql", {
      method: "POST",
      headers,
      body,
      credentials: "same-origin",
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem("The server does not answer. Is `promptforge serve` running?", "UNREACHABLE");
  }
  const answer = (await response.json().catch(() => ({}))) as Answer;
  const first = answer.errors?.[0];
  if (response.status === 401) throw new Problem(first?.message ?? "You are not logged in.", "UNAUTHENTICATED");
  if (first) throw new Problem(first.message, first.extensions?.code ?? "ERROR");
  if (!response.ok || !answer.data) throw new Problem(`The server answered ${response.status}.`, "ERROR");
  if (answer.extensions?.freshness?.behind) late.add(answer.data);
  return answer.data as Result;
}
