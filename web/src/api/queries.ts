/** How answers are kept: one cache, no needless retries, and a 401 anywhere asks the session again. */
import { QueryCache, QueryClient } from "@tanstack/react-query";
import { Problem } from "./client";

export const SESSION = ["session"] as const;

export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      const session = query.queryKey[0] === SESSION[0];
      if (!session && error instanceof Problem && error.loggedOut)
        void queries.invalidateQueries({ queryKey: SESSION });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 2 && error instanceof Problem && error.code === "UNREACHABLE",
    },
  },
});
