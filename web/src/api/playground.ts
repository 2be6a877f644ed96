/** The playground: prompts with their versions, runs whose output comes as it is made, and new versions. */
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import type { Base } from "../playground";
import type { Schema } from "../variables";
import { request } from "./client";
import { graphql, type ResultOf, type VariablesOf } from "./graphql";
import { follow } from "./live";
import { queries } from "./queries";

const PROMPTS = graphql(`
  query Prompts {
    prompts(limit: 500) {
      id
      name
      latestVersion {
        version
      }
    }
  }
`);

export function usePrompts() {
  return useQuery({
    queryKey: ["prompts"],
    queryFn: ({ signal }) => request(PROMPTS, {}, signal),
    select: (data) => data.prompts.filter((one) => one.latestVersion !== null),
  });
}

const VERSION = graphql(`
  fragment VersionParts on PromptVersion @_unmask {
    id
    version
    labels
    content
    messages {
      role
      content
    }
    provider
    params
    inputSchema
    prompt {
      id
      name
    }
  }
`);
type Version = ResultOf<typeof VERSION>;

const PROMPT = graphql(
  `
    query PromptVersions($id: ID!) {
      prompt(id: $id) {
        id
        name
        versions(limit: 200) {
          ...VersionParts
        }
      }
    }
  `,
  [VERSION],
);

export const baseOf = (version: Version): Base => ({
  promptId: version.prompt.id,
  promptName: version.prompt.name,
  version: version.version,
  turns: version.messages?.map(({ role, content }) => ({ role, content })) ?? [
    { role: "user", content: version.content ?? "" },
  ],
  provider: version.provider,
  params: version.params as Record<string, unknown>,
  schema: version.inputSchema as Schema | null,
});

const prompt = (id: string | null) => ({
  queryKey: ["prompt", id],
  queryFn: ({ signal }: { signal: AbortSignal }) => request(PROMPT, { id: id ?? "" }, signal),
});

/** A prompt with its versions, newest first. */
export function usePrompt(id: string | null) {
  return useQuery({
    ...prompt(id),
    select: (data) => data.prompt,
    enabled: id !== null,
    placeholderData: keepPreviousData,
  });
}

/** One version of a prompt, the latest unless it is said which. */
export async function fetchBase(id: string, number: number | null): Promise<Base> {
  const answer = await queries.fetchQuery(prompt(id));
  const versions = answer.prompt?.versions ?? [];
  const found = versions.find((one) => one.version === number) ?? (number === null ? versions[0] : undefined);
  if (!found) throw new Error(`There is no ${number === null ? "version of this prompt" : `version ${number}`} here.`);
  return baseOf(found);
}

const OUTCOME = graphql(`
  fragment OutcomeParts on Execution @_unmask {
    id
    status
    error
    errorType
    output
    outputJson
    latencyMs
    firstTokenMs
    tokenIn
    tokenOut
    usage
    usageSource
    finishReason
    model
    responseModel
    provider
    cost {
      usd
      display
      state
    }
  }
`);
export type Outcome = ResultOf<typeof OUTCOME>;

const RUN = graphql(
  `
    subscription Run($input: ExecutePromptInput!) {
      executePromptStream(input: $input) {
        kind
        text
        execution {
          ...OutcomeParts
        }
      }
    }
  `,
  [OUTCOME],
);
export type RunInput = VariablesOf<typeof RUN>["input"];
export type RunEvent = ResultOf<typeof RUN>["executePromptStream"];

/** Run it and listen. Its key makes a broken connection ask for the same run again, instead of for another. */
export function run(input: RunInput, hear: (event: RunEvent) => void, failed: (sentence: string) => void): () => void {
  const keyed = { ...input, idempotencyKey: `playground-${crypto.randomUUID()}` };
  return follow(RUN, { input: keyed }, (data) => hear(data.executePromptStream), failed);
}

const ESTIMATE = graphql(`
  query Estimate($input: ExecutePromptInput!) {
    estimate(input: $input) {
      maxTokenIn
      maxTokenOut
      maxCostDisplay
      priced
      usual {
        calls
        tokenIn
        tokenOut
        costDisplay
      }
    }
  }
`);

/** What a run would use and cost; nothing is called. Null where it could not run as it is. */
export function useEstimate(input: RunInput, possible: boolean) {
  return useQuery({
    queryKey: ["estimate", input],
    queryFn: ({ signal }) => request(ESTIMATE, { input }, signal),
    select: (data) => data.estimate,
    enabled: possible,
    retry: false,
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });
}

const OUTCOME_OF = graphql(
  `
    query Outcome($id: ID!) {
      execution(id: $id) {
        ...OutcomeParts
      }
    }
  `,
  [OUTCOME],
);

/** How a run stands that this page does not listen to. */
export function useOutcome(id: string | null) {
  return useQuery({
    queryKey: ["outcome", id],
    queryFn: ({ signal }) => request(OUTCOME_OF, { id: id ?? "" }, signal),
    select: (data) => data.execution,
    enabled: id !== null,
    refetchInterval: (query) => (query.state.data?.execution?.status === "pending" ? 1_000 : false),
  });
}

const CANCEL = graphql(`
  mutation CancelExecution($id: ID!) {
    cancelExecution(id: $id) {
      id
    }
  }
`);

/** What was under way is closed as cancelled; whoever listens hears it. */
export const cancel = (id: string): Promise<unknown> => request(CANCEL, { id });

const ORIGIN = graphql(
  `
    query Origin($id: ID!) {
      execution(id: $id) {
        id
        input
        request
        provider
        model
        promptVersion {
          ...VersionParts
        }
      }
    }
  `,
  [VERSION],
);
export type Origin = NonNullable<ResultOf<typeof ORIGIN>["execution"]>;

/** What an execution was asked, to be asked again. */
export async function fetchOrigin(id: string): Promise<Origin> {
  const { execution } = await request(ORIGIN, { id });
  if (!execution) throw new Error("No execution with this id exists in this workspace.");
  return execution;
}

const CREATE_PROMPT = graphql(`
  mutation CreatePrompt($name: String!) {
    createPrompt(input: { name: $name }) {
      id
    }
  }
`);
const CREATE_VERSION = graphql(
  `
    mutation CreatePromptVersion($input: CreatePromptVersionInput!) {
      createPromptVersion(input: $input) {
        ...VersionParts
      }
    }
  `,
  [VERSION],
);
type NewVersion = Omit<VariablesOf<typeof CREATE_VERSION>["input"], "promptId">;

interface Saved {
  /** Null for a prompt of its own. */
  promptId: string | null;
  name: string;
  version: NewVersion;
}

/** Prompts that were made for a version that was then refused, by name; the next try takes them. */
const empty = new Map<string, string>();

async function saved({ promptId, name, version }: Saved): Promise<Base> {
  let id = promptId ?? empty.get(name);
  if (id === undefined) {
    id = (await request(CREATE_PROMPT, { name })).createPrompt.id;
    empty.set(name, id);
  }
  const answer = await request(CREATE_VERSION, { input: { ...version, promptId: id } });
  empty.delete(name);
  return baseOf(answer.createPromptVersion);
}

/** Make a version of the prompt, or of a new one of that name. */
export function useSaveVersion() {
  return useMutation({
    mutationFn: saved,
    onSettled: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ["prompts"] }),
        queries.invalidateQueries({ queryKey: ["prompt"] }),
      ]),
  });
}

const PROVIDERS = graphql(`
  query ProviderNames {
    providers {
      name
      own
      ready
    }
  }
`);

export function useProviderNames() {
  return useQuery({
    queryKey: ["provider-names"],
    queryFn: ({ signal }) => request(PROVIDERS, {}, signal),
    select: (data) => data.providers,
    staleTime: 60_000,
  });
}
