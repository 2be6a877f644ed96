/** What came in last by each way, and of which providers a key is stored. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { WAYS } from "../ways";
import { request } from "./client";
import { graphql, type ResultOf } from "./graphql";
import { useActivity } from "./overview";
import type { Session } from "./session";

const LAST_ROW = graphql(`
  fragment LastParts on Execution @_unmask {
    id
    createdAt
    status
    errorType
    model
    service
  }
`);
export type Last = ResultOf<typeof LAST_ROW>;

const LAST = graphql(
  `
    query Last(
      $openai: ExecutionFilter
      $anthropic: ExecutionFilter
      $langchain: ExecutionFilter
      $opentelemetry: ExecutionFilter
      $curl: ExecutionFilter
      $python: ExecutionFilter
      $file: ExecutionFilter
    ) {
      openai: executions(limit: 1, filter: $openai) {
        ...LastParts
      }
      anthropic: executions(limit: 1, filter: $anthropic) {
        ...LastParts
      }
      langchain: executions(limit: 1, filter: $langchain) {
        ...LastParts
      }
      opentelemetry: executions(limit: 1, filter: $opentelemetry) {
        ...LastParts
      }
      curl: executions(limit: 1, filter: $curl) {
        ...LastParts
      }
      python: executions(limit: 1, filter: $python) {
        ...LastParts
      }
      file: executions(limit: 1, filter: $file) {
        ...LastParts
      }
    }
  `,
  [LAST_ROW],
);
export type ByWay = Readonly<Record<string, Last | undefined>>;

const FILTERS = Object.fromEntries(WAYS.map((way) => [way.name, way.filter]));

/** Whether a row came since the page was opened. */
export type Came = "first" | "another" | null;

/** The newest row of each way, and the ways that brought one since the page was opened. */
export function useLast() {
  const answer = useQuery({
    queryKey: ["last"],
    queryFn: async ({ signal }) => {
      const found: Record<string, Last[]> = await request(LAST, FILTERS, signal);
      return Object.fromEntries(Object.entries(found).map(([name, rows]) => [name, rows[0]])) as ByWay;
    },
    refetchInterval: 5_000,
    staleTime: 0,
    gcTime: 0, // an answer of an earlier visit would make its rows look new
  });
  useActivity(["last"], 1_000);
  const [before, setBefore] = useState<ByWay | null>(null);
  if (answer.data && !before) setBefore(answer.data);
  const last = answer.data ?? {};
  const came = (name: string): Came => {
    if (!before || !last[name] || last[name].id === before[name]?.id) return null;
    return before[name] ? "another" : "first";
  };
  return { last, came, error: answer.error };
}

const STORED = graphql(`
  query Stored($named: Boolean!) {
    providers {
      name
      ready
    }
    secrets @include(if: $named) {
      name
    }
  }
`);

/** Whether a key of a provider is stored for this workspace; null while that is not known here. */
export function useStored(session: Session): (provider: string) => boolean | null {
  const named = session.me.permissions.includes("admin");
  const answer = useQuery({ queryKey: ["stored"], queryFn: ({ signal }) => request(STORED, { named }, signal) });
  return (provider) => {
    if (!answer.data) return null;
    // a key that the process was started with is for its own workspace alone
    const own = session.workspace.id === "default";
    if (own && answer.data.providers.some((one) => one.name === provider && one.ready)) return true;
    return answer.data.secrets?.some((one) => one.name === `${provider.toUpperCase()}_API_KEY`) ?? null;
  };
}
