/** Chain executions: the list read page by page, what comes in meanwhile, and one in full. */
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import type { VariablesOf } from "gql.tada";
import { request } from "./client";
import { PAGE } from "./executions";
import { graphql, type ResultOf } from "./graphql";
import { useSubscription } from "./live";
import { queries } from "./queries";

const ROW = graphql(`
  fragment ChainRowParts on ChainExecution @_unmask {
    id
    cursor
    status
    errorType
    createdAt
    latencyMs
    tokenIn
    tokenOut
    cost {
      display
      state
    }
    chainName
    version
    label
    stepCount
    endUser
    forkedFrom
    source
    steps {
      name
      status
      offsetMs
      latencyMs
      critical
    }
    input @include(if: $content)
    output @include(if: $content)
    error @include(if: $content)
  }
`);
export type ChainRow = ResultOf<typeof ROW>;

const LIST = graphql(
  `
    query ChainExecutions($after: String, $limit: Int!, $filter: ChainExecutionFilter, $content: Boolean!) {
      chainExecutions(after: $after, limit: $limit, filter: $filter) {
        ...ChainRowParts
      }
    }
  `,
  [ROW],
);
export type ChainFilter = NonNullable<VariablesOf<typeof LIST>["filter"]>;

export function useChainExecutions(filter: ChainFilter, content: boolean) {
  return useInfiniteQuery({
    queryKey: ["chain-executions", filter, content],
    queryFn: ({ pageParam, signal }) => request(LIST, { after: pageParam, limit: PAGE, filter, content }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) =>
      page.chainExecutions.length < PAGE ? null : (page.chainExecutions.at(-1)?.cursor ?? null),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

const CHANGES = graphql(
  `
    subscription ChainChanges($filter: ChainExecutionFilter, $content: Boolean!) {
      chainExecutionChanges(filter: $filter) {
        ...ChainRowParts
      }
    }
  `,
  [ROW],
);

export function useChainTail(filter: ChainFilter, content: boolean, onRow: (row: ChainRow) => void): void {
  useSubscription(CHANGES, { filter, content }, (data) => onRow(data.chainExecutionChanges));
}

const DETAIL = graphql(`
  query ChainExecution($id: ID!, $content: Boolean!) {
    chainExecution(id: $id) {
      id
      status
      errorType
      failedStep
      createdAt
      startedAt
      endedAt
      latencyMs
      tokenIn
      tokenOut
      usage
      cost {
        usd
        display
        state
      }
      chainId
      chainName
      version
      label
      criticalPath
      forkedFrom
      deadlineMs
      maxCostUsd
      user {
        name
        email
      }
      endUser
      sessionId
      service
      source
      tags
      contentExpired
      error @include(if: $content)
      stackTrace @include(if: $content)
      input @include(if: $content)
      output @include(if: $content)
      metadata @include(if: $content)
      overrides @include(if: $content)
      steps {
        name
        order
        type
        status
        errorType
        offsetMs
        latencyMs
        costExact
        costDisplay
        costState
        tokenIn
        tokenOut
        shareOfCost
        shareOfTime
        critical
        tag
        reusedFrom
        executionId
        execution {
          id
          provider
          model
          promptName
          label
          promptVersion {
            version
          }
        }
        attempts {
          number
          provider
          offsetMs
          latencyMs
          status
          errorType
          httpStatus
          error @include(if: $content)
        }
        input @include(if: $content)
        output @include(if: $content)
        error @include(if: $content)
        stackTrace @include(if: $content)
      }
      runningSteps {
        name
        order
        offsetMs
        execution {
          id
          provider
          model
          promptName
        }
      }
      skippedSteps {
        name
        order
        type
        reason
      }
    }
  }
`);
export type ChainDetail = NonNullable<ResultOf<typeof DETAIL>["chainExecution"]>;
export type Step = ChainDetail["steps"][number];

export function useChainExecution(id: string | null, content: boolean) {
  return useQuery({
    queryKey: ["chain-execution", id, content],
    queryFn: ({ signal }) => request(DETAIL, { id: id ?? "", content }, signal),
    select: (data) => data.chainExecution,
    enabled: id !== null,
    staleTime: (query) => (query.state.data?.chainExecution?.status === "pending" ? 0 : Number.POSITIVE_INFINITY),
    refetchInterval: (query) => (query.state.data?.chainExecution?.status === "pending" ? 1_000 : false),
  });
}

const CANCEL = graphql(`
  mutation CancelChain($id: ID!) {
    cancelChainExecution(id: $id) {
      id
    }
  }
`);

export function useCancelChain(id: string) {
  return useMutation({
    mutationFn: () => request(CANCEL, { id }),
    onSettled: () => queries.invalidateQueries({ queryKey: ["chain-execution", id] }),
  });
}

const FORK = graphql(`
  mutation ForkChain($id: ID!, $fromStep: String!, $version: Int, $overrides: JSON) {
    forkChainExecution(id: $id, fromStep: $fromStep, version: $version, overrides: $overrides, wait: false) {
      id
    }
  }
`);

/** Run it again from a step, in the background. */
export function useForkChain() {
  return useMutation({ mutationFn: (given: VariablesOf<typeof FORK>) => request(FORK, given) });
}

const EXECUTE = graphql(`
  mutation ExecuteChain($input: ExecuteChainInput!) {
    executeChain(input: $input) {
      id
    }
  }
`);

/** Run a chain in the background. */
export function useExecuteChain() {
  return useMutation({
    mutationFn: (input: Omit<VariablesOf<typeof EXECUTE>["input"], "wait">) =>
      request(EXECUTE, { input: { ...input, wait: false } }),
  });
}

const ANY = graphql(`
  query AnyChain {
    chainExecutions(limit: 1) {
      id
    }
  }
`);

/** Whether a chain has ever run in this workspace; null while unknown. */
export function useAnyChain(): boolean | null {
  const answer = useQuery({
    queryKey: ["any-chain"],
    queryFn: ({ signal }) => request(ANY, {}, signal),
    select: (data) => data.chainExecutions.length > 0,
  });
  return answer.data ?? null;
}
