/** The overview's figures, and the event that says they moved. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { request } from "./client";
import { graphql, type ResultOf } from "./graphql";
import { useSubscription } from "./live";
import { queries } from "./queries";

export type TimeWindow = "LAST_7_DAYS" | "LAST_30_DAYS" | "ALL_TIME";
export const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const FIGURES = graphql(`
  fragment FiguresParts on Figures @_unmask {
    runs
    calls
    success
    error
    pending
    successRate
    averageLatencyMs
    tokenIn
    tokenOut
    cost {
      usd
      display
      priced
      unpriced
      unknown
      estimated
    }
  }
`);
export type Figures = ResultOf<typeof FIGURES>;

const OVERVIEW = graphql(
  `
    query Overview($window: TimeWindow!, $timezone: String!) {
      overview(window: $window, timezone: $timezone) {
        from
        to
        days
        asOf
        behind
        totals {
          ...FiguresParts
        }
        previous {
          ...FiguresParts
        }
        daily {
          date
          figures {
            ...FiguresParts
          }
        }
        topPrompts(limit: 7) {
          promptId
          promptName
          figures {
            ...FiguresParts
          }
        }
        topModels(limit: 7) {
          provider
          model
          figures {
            ...FiguresParts
          }
        }
        topChains(limit: 7) {
          chainId
          chainName
          figures {
            ...FiguresParts
          }
        }
        errorTypes {
          errorType
          count
        }
      }
    }
  `,
  [FIGURES],
);
export type Overview = ResultOf<typeof OVERVIEW>["overview"];
export type Day = Overview["daily"][number];

export function useOverview(window: TimeWindow, loading: boolean) {
  return useQuery({
    queryKey: ["overview", window],
    queryFn: ({ signal }) => request(OVERVIEW, { window, timezone }, signal),
    select: (data) => data.overview,
    placeholderData: keepPreviousData,
    refetchInterval: loading ? 2_500 : 60_000,
  });
}

const ACTIVITY = graphql(`
  subscription Activity {
    activity {
      at
      opened
      closed
    }
  }
`);

/** Ask for the named answers anew when something happened, at most every *pause* milliseconds. */
export function useActivity(names: readonly string[], pause = 3_000): void {
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const last = useRef(0);
  const key = names.join();
  useEffect(
    () => () => {
      if (timer.current) clearTimeout(timer.current);
      timer.current = null;
    },
    [],
  );
  useSubscription(ACTIVITY, {}, () => {
    if (timer.current) return;
    const wait = Math.max(250, pause - (Date.now() - last.current));
    timer.current = setTimeout(() => {
      timer.current = null;
      last.current = Date.now();
      for (const name of key.split(",")) void queries.invalidateQueries({ queryKey: [name] });
    }, wait);
  });
}
