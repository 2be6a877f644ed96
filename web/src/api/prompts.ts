/** Prompts: the list, one with its versions, what a version changed, and labels. */
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { request } from "./client";
import { graphql, type ResultOf } from "./graphql";
import { queries } from "./queries";

const LIST = graphql(`
  query PromptList($search: String, $archived: Boolean!) {
    prompts(search: $search, archived: $archived, limit: 500) {
      id
      name
      description
      updatedAt
      labels {
        label
        version
      }
      latestVersion {
        version
        model
      }
    }
  }
`);

export function usePromptList(search: string, archived: boolean) {
  return useQuery({
    queryKey: ["prompts", "list", search, archived],
    queryFn: ({ signal }) => request(LIST, { search: search || null, archived }, signal),
    select: (data) => data.prompts,
    placeholderData: keepPreviousData,
  });
}

const PROMPT = graphql(`
  query Prompt($id: ID!) {
    prompt(id: $id) {
      id
      name
      description
      archivedAt
      labels {
        label
        version
      }
      versions(limit: 200) {
        id
        version
        labels
        model
        provider
        content
        messages {
          role
          content
        }
        params
        inputSchema
        createdAt
        createdBy {
          name
        }
      }
    }
  }
`);
export type Prompt = NonNullable<ResultOf<typeof PROMPT>["prompt"]>;
export type PromptVersion = Prompt["versions"][number];

export function usePromptPage(id: string) {
  return useQuery({
    queryKey: ["prompt", "page", id],
    queryFn: ({ signal }) => request(PROMPT, { id }, signal),
    select: (data) => data.prompt,
  });
}

const DIFF = graphql(`
  query PromptDiff($id: ID!, $from: Int!, $to: Int!) {
    prompt(id: $id) {
      id
      diff(from: $from, to: $to) {
        text
        params
        inputSchema
      }
    }
  }
`);

export function usePromptDiff(id: string, from: number | null, to: number) {
  return useQuery({
    queryKey: ["prompt-diff", id, from, to],
    queryFn: ({ signal }) => request(DIFF, { id, from: from ?? 0, to }, signal),
    select: (data) => data.prompt?.diff ?? null,
    enabled: from !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

const refresh = () =>
  Promise.all([
    queries.invalidateQueries({ queryKey: ["prompts"] }),
    queries.invalidateQueries({ queryKey: ["prompt"] }),
  ]);

const SET_LABEL = graphql(`
  mutation SetPromptLabel($id: ID!, $label: String!, $version: Int!) {
    setPromptLabel(promptId: $id, label: $label, version: $version) {
      id
    }
  }
`);

export function useSetPromptLabel(id: string) {
  return useMutation({
    mutationFn: (given: { label: string; version: number }) => request(SET_LABEL, { id, ...given }),
    onSuccess: refresh,
  });
}

const ARCHIVE = graphql(`
  mutation ArchivePrompt($id: ID!) {
    archivePrompt(id: $id) {
      id
    }
  }
`);
const RESTORE = graphql(`
  mutation RestorePrompt($id: ID!) {
    restorePrompt(id: $id) {
      id
    }
  }
`);

/** Put a prompt away, or take it back. */
export function useArchivePrompt(id: string) {
  return useMutation({
    mutationFn: async (away: boolean): Promise<unknown> => (away ? request(ARCHIVE, { id }) : request(RESTORE, { id })),
    onSuccess: refresh,
  });
}
