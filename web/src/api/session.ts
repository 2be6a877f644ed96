/** Who is here: the user, the workspaces, the keys, and the demo's loading. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { leaveWorkspace, request } from "./client";
import { graphql, type ResultOf } from "./graphql";
import { queries, SESSION } from "./queries";

const ME = graphql(`
  query Session {
    me {
      id
      name
      email
      role
      permissions
      workspaces {
        workspace {
          id
          name
        }
        role
      }
    }
    workspace {
      id
      name
    }
  }
`);
export type Session = ResultOf<typeof ME>;

export function useSession() {
  return useQuery({
    queryKey: SESSION,
    queryFn: ({ signal }) => request(ME, {}, signal),
    staleTime: 60_000,
  });
}

const LOADING = graphql(`
  query Loading {
    loading {
      done
      total
    }
  }
`);

/** The demo's progress; asked every second while it loads, seldom otherwise. */
export function useLoading() {
  const answer = useQuery({
    queryKey: ["loading"],
    queryFn: ({ signal }) => request(LOADING, {}, signal),
    refetchInterval: (query) => (query.state.data?.loading ? 1_000 : 60_000),
  });
  return answer.data?.loading ?? null;
}

const KEYS = graphql(`
  query Keys {
    me {
      keys {
        id
        name
        hint
        scopes
        createdAt
        lastUsedAt
        expiresAt
        revokedAt
      }
    }
  }
`);
export type Key = ResultOf<typeof KEYS>["me"]["keys"][number];

const CREATE = graphql(`
  mutation CreateKey($input: CreateKeyInput!) {
    createKey(input: $input) {
      secret
      key {
        id
        name
      }
    }
  }
`);

const REVOKE = graphql(`
  mutation RevokeKey($id: ID!) {
    revokeKey(id: $id) {
      id
      revokedAt
    }
  }
`);

export type Scope = "INGEST" | "RUN" | "READ" | "ADMIN";
const refresh = () => queries.invalidateQueries({ queryKey: ["keys"] });

export function useKeys(enabled = true) {
  return useQuery({
    queryKey: ["keys"],
    queryFn: ({ signal }) => request(KEYS, {}, signal),
    select: (data) => data.me.keys,
    enabled,
  });
}

export function useCreateKey() {
  return useMutation({
    mutationFn: (input: { name: string; scopes: Scope[] }) => request(CREATE, { input }),
    onSuccess: refresh,
  });
}

export function useRevokeKey() {
  return useMutation({ mutationFn: (id: string) => request(REVOKE, { id }), onSuccess: refresh });
}

export async function logOut(): Promise<void> {
  sessionStorage.clear(); // what was typed is gone, too
  await fetch("/logout", { method: "POST", credentials: "same-origin" }).catch(() => undefined);
  leaveWorkspace();
}
