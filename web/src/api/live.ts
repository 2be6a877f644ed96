/** The live connection: one WebSocket for all subscriptions, opened when somebody listens, reopened when it breaks. */
import { createClient, type Client } from "graphql-ws";
import type { TadaDocumentNode } from "gql.tada";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { text, workspace } from "./client";
import { queries } from "./queries";

export type Connection = "connecting" | "live" | "offline";

let state: Connection = "connecting";
const listeners = new Set<() => void>();
function become(next: Connection) {
  state = next;
  for (const listener of listeners) listener();
}

let lost = false;

let client: Client | null = null;
function connect(): Client {
  client ??= createClient({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
    connectionParams: () => {
      const name = workspace();
      return name ? { workspace: name } : {};
    },
    keepAlive: 15_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: async (tries) => {
      await new Promise((wake) => setTimeout(wake, Math.min(500 * 2 ** tries, 10_000)));
    },
    shouldRetry: () => true,
    on: {
      connected: () => {
        become("live");
        if (lost) void queries.invalidateQueries(); // what happened meanwhile was not heard
        lost = false;
      },
      closed: () => {
        lost = true;
        become("offline");
      },
      error: () => become("offline"),
    },
  });
  return client;
}

/** Whether what is asked now is sent now. */
export const isLive = (): boolean => state === "live";

export function useConnection(): Connection {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

/** Listen while mounted; a change of variables listens anew. */
export function useSubscription<Result, Variables extends Record<string, unknown>>(
  document: TadaDocumentNode<Result, Variables>,
  variables: Variables,
  onData: (data: Result) => void,
): void {
  const latest = useRef(onData);
  useEffect(() => {
    latest.current = onData;
  });
  const key = JSON.stringify(variables);
  useEffect(() => {
    return connect().subscribe<Result>(
      { query: text(document), variables: JSON.parse(key) as Variables },
      {
        next: (message) => {
          if (message.data) latest.current(message.data);
        },
        error: () => undefined,
        complete: () => undefined,
      },
    );
  }, [document, key]);
}

/** Ask for something that answers bit by bit, once; it ends by itself. The answer leaves, and what runs goes on. */
export function follow<Result, Variables extends Record<string, unknown>>(
  document: TadaDocumentNode<Result, Variables>,
  variables: Variables,
  onData: (data: Result) => void,
  onFailure: (sentence: string) => void,
): () => void {
  return connect().subscribe<Result>(
    { query: text(document), variables },
    {
      next: (message) => {
        if (message.errors?.[0]) onFailure(message.errors[0].message);
        else if (message.data) onData(message.data);
      },
      error: (reason) => {
        const first: unknown = Array.isArray(reason) ? reason[0] : reason;
        const said = (first as { message?: unknown } | null)?.message;
        onFailure(typeof said === "string" && said ? said : "The connection to the server was lost.");
      },
      complete: () => undefined,
    },
  );
}
