/** How the server is: what came in and what became of it, what waits, what it takes on the disk. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { request } from "./client";
import { graphql, type ResultOf } from "./graphql";

const HEALTH = graphql(`
  query Health {
    health {
      at
      whole
      open
      journaled
      oldestSeconds
      history
      problem
      counters {
        source
        received
        stored
        duplicate
        rejected
      }
      stores {
        name
        bytes
        rows
      }
      freeBytes
      problems {
        at
        text
      }
    }
  }
`);
export type Health = ResultOf<typeof HEALTH>["health"];

/** Asked every two seconds while the page is looked at. */
export function useHealth() {
  return useQuery({
    queryKey: ["health"],
    queryFn: ({ signal }) => request(HEALTH, {}, signal),
    select: (data) => data.health,
    placeholderData: keepPreviousData,
    refetchInterval: 2_000,
  });
}
