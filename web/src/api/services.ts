/** Services: the programs that call, with their figures of a window up to now. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { request, untilWhole } from "./client";
import { graphql, type ResultOf } from "./graphql";
import { useActivity } from "./overview";

const SERVICES = graphql(`
  query Services($minutes: Int!) {
    services(minutes: $minutes, limit: 200) {
      name
      sources
      lastSeen
      callsPerMinute
      rejected
      lastRejection {
        at
        text
      }
      figures {
        calls
        runs
        error
        pending
        successRate
        tokenIn
        tokenOut
        cost {
          usd
          display
          unpriced
          unknown
        }
      }
    }
  }
`);
export type Service = ResultOf<typeof SERVICES>["services"][number];

/** Asked anew when something happens, and now and then, because a rate falls when nothing does. */
export function useServices(minutes: number) {
  useActivity(["services"]);
  return useQuery({
    queryKey: ["services", minutes],
    queryFn: ({ signal }) => request(SERVICES, { minutes }, signal),
    select: (data) => data.services,
    placeholderData: keepPreviousData,
    ...untilWhole(15_000),
  });
}
