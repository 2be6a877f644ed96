/** What the workspace keeps of content, and for how long. */
import { useQuery } from "@tanstack/react-query";
import { request } from "./client";
import { graphql, type ResultOf } from "./graphql";

const RETENTION = graphql(`
  query Retention {
    retention {
      content
      defaultDays
      defaultExpiresOn
      rules {
        days
        promptId
        prompt {
          name
        }
        tagKey
        tagValue
        errors
        expiresOn
      }
      keys {
        keyId
        content
      }
    }
  }
`);
export type Retention = ResultOf<typeof RETENTION>["retention"];
export type Rule = Retention["rules"][number];

export function useRetention() {
  return useQuery({
    queryKey: ["retention"],
    queryFn: ({ signal }) => request(RETENTION, {}, signal),
    select: (data) => data.retention,
  });
}
