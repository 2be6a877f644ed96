/** Executions: the list read page by page, one in full, and the live tail. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { VariablesOf } from "gql.tada";
import { request, untilWhole } from "./client";
import { graphql, type ResultOf } from "./graphql";
import { useSubscription } from "./live";
import { timezone } from "./overview";

export const PAGE = 60;

const ROW = graphql(`
  fragment RowParts on Execution @_unmask {
    id
    cursor
    status
    errorType
    error
    createdAt
    latencyMs
    tokenIn
    tokenOut
    usageSource
    cost {
      display
      state
    }
    source
    provider
    model
    promptName
    promptVersion {
      version
    }
    label
    endUser
    service
    input @include(if: $content)
    output @include(if: $content)
  }
`);
export type Row = ResultOf<typeof ROW>;

const LIST = graphql(
  `
    query Executions($after: String, $limit: Int!, $filter: ExecutionFilter, $content: Boolean!) {
      executions(after: $after, limit: $limit, filter: $filter) {
        ...RowParts
      }
    }
  `,
  [ROW],
);
export type Filter = NonNullable<VariablesOf<typeof LIST>["filter"]>;

export function useExecutions(filter: Filter, content: boolean) {
  return useInfiniteQuery({
    queryKey: ["executions", filter, content],
    queryFn: ({ pageParam, signal }) => request(LIST, { after: pageParam, limit: PAGE, filter, content }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page.executions.length < PAGE ? null : (page.executions.at(-1)?.cursor ?? null)),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    ...untilWhole(),
  });
}

const CHANGES = graphql(
  `
    subscription Changes($filter: ExecutionFilter, $content: Boolean!) {
      executionChanges(filter: $filter) {
        ...RowParts
      }
    }
  `,
  [ROW],
);

export function useTail(filter: Filter, content: boolean, onRow: (row: Row) => void): void {
  useSubscription(CHANGES, { filter, content }, (data) => onRow(data.executionChanges));
}

const SUMMARY = graphql(`
  query Summary($filter: ExecutionFilter, $timezone: String!) {
    overview(window: ALL_TIME, timezone: $timezone, filter: $filter) {
      totals {
        runs
        calls
        successRate
        averageLatencyMs
        tokenIn
        tokenOut
        cost {
          display
          unpriced
          unknown
        }
      }
      daily {
        date
        figures {
          success
          error
          pending
        }
      }
    }
  }
`);

/** What the filtered executions add up to, and day by day. */
export function useSummary(filter: Filter) {
  return useQuery({
    queryKey: ["summary", filter],
    queryFn: ({ signal }) => request(SUMMARY, { filter, timezone }, signal),
    select: (data) => data.overview,
    placeholderData: keepPreviousData,
    ...untilWhole(),
  });
}

const VALUES = graphql(`
  query Values($field: ValueField!) {
    values(field: $field, limit: 50) {
      value
      count
    }
  }
`);
export type ValueField = VariablesOf<typeof VALUES>["field"];

export function useValues(field: ValueField | null) {
  return useQuery({
    queryKey: ["values", field],
    queryFn: ({ signal }) => request(VALUES, { field: field as ValueField }, signal),
    select: (data) => data.values,
    enabled: field !== null,
    staleTime: 30_000,
  });
}

const DETAIL = graphql(`
  query Execution($id: ID!, $content: Boolean!) {
    execution(id: $id) {
      id
      status
      error
      errorType
      createdAt
      startedAt
      endedAt
      latencyMs
      firstTokenMs
      tokenIn
      tokenOut
      costUsd
      cost {
        usd
        display
        state
        claimedUsd
        lines {
          unit
          quantity
          rateUsd
          per
          amountUsd
          source
          validFrom
          rounded
          attempt
        }
      }
      usage
      usageSource
      provider
      model
      responseModel
      finishReason
      promptName
      label
      promptVersion {
        id
        version
        params
        prompt {
          id
          name
        }
      }
      user {
        name
        email
      }
      endUser
      sessionId
      service
      source
      tags
      streamed
      cached
      chainExecutionId
      chainName
      step
      contentExpired
      attempts {
        number
        provider
        model
        offsetMs
        latencyMs
        status
        errorType
        httpStatus
        requestId
        error
      }
      input @include(if: $content)
      request @include(if: $content)
      output @include(if: $content)
      outputJson @include(if: $content)
      stackTrace @include(if: $content)
      usageRaw @include(if: $content)
      usageUnknown @include(if: $content)
      metadata @include(if: $content)
    }
  }
`);
export type Detail = NonNullable<ResultOf<typeof DETAIL>["execution"]>;

export function useExecution(id: string | null, content: boolean) {
  return useQuery({
    queryKey: ["execution", id, content],
    queryFn: ({ signal }) => request(DETAIL, { id: id ?? "", content }, signal),
    select: (data) => data.execution,
    enabled: id !== null,
    placeholderData: keepPreviousData,
    staleTime: (query) => (query.state.data?.execution?.status === "pending" ? 0 : Number.POSITIVE_INFINITY),
    refetchInterval: (query) => (query.state.data?.execution?.status === "pending" ? 1_500 : false),
  });
}

const ANY = graphql(`
  query Any {
    executions(limit: 1) {
      id
    }
  }
`);

/** Whether this workspace holds any execution; null while unknown. */
export function useAny(): boolean | null {
  const answer = useQuery({
    queryKey: ["any"],
    queryFn: ({ signal }) => request(ANY, {}, signal),
    select: (data) => data.executions.length > 0,
    refetchInterval: (query) => (query.state.data?.executions.length ? false : 4_000),
    staleTime: 0,
  });
  return answer.data ?? null;
}
