/** Chains: what is defined, as files, in versions; proved before it is kept. */
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { request } from "./client";
import { graphql, type ResultOf } from "./graphql";
import { queries } from "./queries";

const LIST = graphql(`
  query Chains($search: String, $archived: Boolean!) {
    chains(search: $search, archived: $archived, limit: 200) {
      id
      name
      description
      isActive
      updatedAt
      draftChanged
      labels {
        label
        version
      }
      latestVersion {
        version
      }
      steps {
        name
        order
        type
      }
    }
  }
`);
export type ChainRow = ResultOf<typeof LIST>["chains"][number];

export function useChains(search: string, archived: boolean) {
  return useQuery({
    queryKey: ["chains", search, archived],
    queryFn: ({ signal }) => request(LIST, { search: search || null, archived }, signal),
    select: (data) => data.chains,
    placeholderData: keepPreviousData,
  });
}

const CHAIN = graphql(`
  query Chain($id: ID!) {
    chain(id: $id) {
      id
      name
      description
      isActive
      archivedAt
      draftChanged
      yaml
      document
      requiredInputs
      createdBy {
        name
      }
      labels {
        label
        version
      }
      versions(limit: 100) {
        id
        version
        labels
        createdAt
        createdBy {
          name
        }
      }
    }
  }
`);
export type Chain = NonNullable<ResultOf<typeof CHAIN>["chain"]>;

export function useChain(id: string | null) {
  return useQuery({
    queryKey: ["chain", id],
    queryFn: ({ signal }) => request(CHAIN, { id: id ?? "" }, signal),
    select: (data) => data.chain,
    enabled: id !== null,
    placeholderData: keepPreviousData,
  });
}

const VERSION = graphql(`
  query ChainVersion($id: ID!, $number: Int!) {
    chain(id: $id) {
      id
      version(number: $number) {
        yaml
        document
      }
    }
  }
`);

export function useChainVersion(id: string, number: number | null) {
  return useQuery({
    queryKey: ["chain-version", id, number],
    queryFn: ({ signal }) => request(VERSION, { id, number: number ?? 0 }, signal),
    select: (data) => data.chain?.version ?? null,
    enabled: number !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

const DIFF = graphql(`
  query ChainDiff($id: ID!, $from: Int!, $to: Int!) {
    chain(id: $id) {
      id
      diff(from: $from, to: $to)
    }
  }
`);

export function useChainDiff(id: string, from: number | null, to: number | null) {
  return useQuery({
    queryKey: ["chain-diff", id, from, to],
    queryFn: ({ signal }) => request(DIFF, { id, from: from ?? 0, to: to ?? 0 }, signal),
    select: (data) => data.chain?.diff ?? null,
    enabled: from !== null && to !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

const VALIDATE = graphql(`
  mutation ValidateChain($yaml: String!) {
    validateChain(input: { yaml: $yaml }) {
      valid
      document
      problems {
        step
        path
        line
        message
        severity
      }
    }
  }
`);
export type Proof = ResultOf<typeof VALIDATE>["validateChain"];

/** What the server says of a file; the answer for the text before stays until the next is there. */
export function useProof(yaml: string) {
  return useQuery({
    queryKey: ["chain-proof", yaml],
    queryFn: ({ signal }) => request(VALIDATE, { yaml }, signal),
    select: (data) => data.validateChain,
    enabled: yaml.trim() !== "",
    placeholderData: keepPreviousData,
    gcTime: 10_000,
  });
}

const APPLY = graphql(`
  mutation ApplyChain($yaml: String!, $name: String, $label: String) {
    applyChain(yaml: $yaml, name: $name, label: $label) {
      created
      changed
      chain {
        id
      }
      version {
        version
      }
    }
  }
`);

const refresh = () =>
  Promise.all([
    queries.invalidateQueries({ queryKey: ["chains"] }),
    queries.invalidateQueries({ queryKey: ["chain"] }),
  ]);

/** Make the chain what the file says, as a version; a new chain when *name* is null. */
export function useApplyChain() {
  return useMutation({
    mutationFn: (given: { yaml: string; name: string | null; label: string | null }) => request(APPLY, given),
    onSuccess: refresh,
  });
}

const SET_LABEL = graphql(`
  mutation SetChainLabel($id: ID!, $label: String!, $version: Int!) {
    setChainLabel(chainId: $id, label: $label, version: $version) {
      id
    }
  }
`);

export function useSetChainLabel(id: string) {
  return useMutation({
    mutationFn: (given: { label: string; version: number }) => request(SET_LABEL, { id, ...given }),
    onSuccess: refresh,
  });
}

const ARCHIVE = graphql(`
  mutation ArchiveChain($id: ID!) {
    archiveChain(id: $id) {
      id
    }
  }
`);
const RESTORE = graphql(`
  mutation RestoreChain($id: ID!) {
    restoreChain(id: $id) {
      id
    }
  }
`);

/** Put a chain away, or take it back. */
export function useArchiveChain(id: string) {
  return useMutation({
    mutationFn: async (away: boolean): Promise<unknown> =>
      away ? request(ARCHIVE, { id }) : request(RESTORE, { id }),
    onSuccess: refresh,
  });
}
