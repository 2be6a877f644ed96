/** Providers of models: how each stands in this workspace, what is set for it, and its key, which nobody is shown. */
import { useMutation, useQueries, useQuery } from "@tanstack/react-query";
import { request } from "./client";
import { graphql, type ResultOf, type VariablesOf } from "./graphql";
import { queries } from "./queries";

const PROVIDER = graphql(`
  fragment ProviderParts on Provider @_unmask {
    name
    title
    preset
    own
    ready
    why
    keySource
    keyName
    keySetAt
    proxyCredentials
    address
    needs
    state {
      running
      waiting
      breaker
      failures
      openSince
      retryAt
    }
    settings {
      baseUrl
      region
      project
      apiVersion
      atOnce
      requestsPerMinute
      tokensPerMinute
      connectTimeoutMs
      idleTimeoutMs
      proxy
      ca
      updatedAt
    }
  }
`);
export type Provider = ResultOf<typeof PROVIDER>;
export type Settings = NonNullable<Provider["settings"]>;

const LIST = graphql(
  `
    query Providers {
      providers {
        ...ProviderParts
      }
    }
  `,
  [PROVIDER],
);

const ALL = ["providers"];
const refresh = () =>
  Promise.all([
    queries.invalidateQueries({ queryKey: ALL }),
    queries.invalidateQueries({ queryKey: ["provider-names"] }),
    queries.invalidateQueries({ queryKey: ["provider-models"] }),
  ]);

export function useProviders() {
  return useQuery({
    queryKey: ALL,
    queryFn: ({ signal }) => request(LIST, {}, signal),
    // one of the workspace's own naming is called by that name, not as what it works like
    select: (data) => data.providers.map((one) => (one.own ? { ...one, title: one.name } : one)),
    refetchInterval: ({ state }) =>
      state.data?.providers.some((one) => one.state.running > 0 || one.state.breaker !== "CLOSED") ? 2_000 : 30_000,
  });
}

const TEST = graphql(`
  mutation TestProvider($name: String!) {
    testProvider(name: $name) {
      ok
      latencyMs
      problem
      models
    }
  }
`);
export type Tested = ResultOf<typeof TEST>["testProvider"];

/** One request that calls no model. */
export function useTestProvider() {
  return useMutation({ mutationFn: (name: string) => request(TEST, { name }) });
}

const MODELS = graphql(`
  query ProviderModels($provider: String!) {
    providerModels(provider: $provider)
  }
`);

/** The models that these providers list, by provider; who cannot be asked lists none. */
export function useModels(providers: readonly string[], enabled: boolean): Readonly<Record<string, readonly string[]>> {
  const answers = useQueries({
    queries: providers.map((provider) => ({
      queryKey: ["provider-models", provider],
      queryFn: ({ signal }: { signal: AbortSignal }) => request(MODELS, { provider }, signal),
      enabled,
      staleTime: 300_000,
    })),
  });
  return Object.fromEntries(providers.map((name, n) => [name, answers[n]?.data?.providerModels ?? []]));
}

const SAVE = graphql(`
  mutation SaveProvider($input: SaveProviderInput!) {
    saveProvider(input: $input) {
      name
    }
  }
`);
export type ProviderInput = VariablesOf<typeof SAVE>["input"];

export function useSaveProvider() {
  return useMutation({ mutationFn: (input: ProviderInput) => request(SAVE, { input }), onSuccess: refresh });
}

const REMOVE = graphql(`
  mutation RemoveProvider($name: String!) {
    removeProvider(name: $name)
  }
`);

/** Forget all that is set for it, its key too. */
export function useRemoveProvider() {
  return useMutation({ mutationFn: (name: string) => request(REMOVE, { name }), onSuccess: refresh });
}

const SET_KEY = graphql(`
  mutation SetProviderKey($name: String!, $key: String!) {
    setProviderKey(name: $name, key: $key) {
      name
    }
  }
`);

export function useSetProviderKey() {
  return useMutation({
    mutationFn: (given: { name: string; key: string }) => request(SET_KEY, given),
    onSuccess: refresh,
    gcTime: 0, // the key is not remembered here either
  });
}

const REMOVE_KEY = graphql(`
  mutation RemoveProviderKey($name: String!) {
    removeProviderKey(name: $name) {
      name
    }
  }
`);

export function useRemoveProviderKey() {
  return useMutation({ mutationFn: (name: string) => request(REMOVE_KEY, { name }), onSuccess: refresh });
}
