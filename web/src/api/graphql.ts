/** Typed documents: `graphql("…")` knows its result and variables from ../../../schema.graphql. */
import { initGraphQLTada } from "gql.tada";
import type { introspection } from "./schema";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { DateTime: string; JSON: unknown; Count: number };
}>();

export type { ResultOf, VariablesOf } from "gql.tada";
