/** The filters of the lists: in the address as plain parameters, in the API as its inputs. */
import type { ChainFilter } from "./api/chain-executions";
import type { Filter, ValueField } from "./api/executions";
import type { Values } from "./route";

export interface Field {
  name: string;
  title: string;
  kind: "choice" | "number" | "text";
  values?: ValueField;
  options?: readonly string[];
  placeholder?: string;
}

/** Everything that executions can be filtered by, in the order of the menu. */
export const FIELDS: readonly Field[] = [
  { name: "status", title: "Status", kind: "choice", options: ["success", "error", "pending"] },
  { name: "prompt", title: "Prompt", kind: "choice", values: "PROMPT_NAME" },
  { name: "version", title: "Version", kind: "choice", values: "VERSION" },
  { name: "label", title: "Label", kind: "choice", values: "LABEL" },
  { name: "model", title: "Model", kind: "choice", values: "MODEL" },
  { name: "provider", title: "Provider", kind: "choice", values: "PROVIDER" },
  { name: "error", title: "Error type", kind: "choice", values: "ERROR_TYPE" },
  { name: "cost", title: "Cost state", kind: "choice", options: ["priced", "unpriced", "unknown", "pending"] },
  { name: "user", title: "End user", kind: "choice", values: "END_USER" },
  { name: "session", title: "Session", kind: "text", placeholder: "Session id" },
  { name: "service", title: "Service", kind: "choice", values: "SERVICE" },
  { name: "source", title: "Source", kind: "choice", values: "SOURCE" },
  { name: "tag", title: "Tag", kind: "text", placeholder: "team=support, or team" },
  { name: "minLatency", title: "Latency at least", kind: "number", placeholder: "Milliseconds" },
  { name: "maxLatency", title: "Latency at most", kind: "number", placeholder: "Milliseconds" },
  { name: "minCost", title: "Cost at least", kind: "number", placeholder: "US dollars, such as 0.01" },
  { name: "maxCost", title: "Cost at most", kind: "number", placeholder: "US dollars, such as 0.01" },
];

/** The same of chain executions. */
export const CHAIN_FIELDS: readonly Field[] = [
  { name: "status", title: "Status", kind: "choice", options: ["success", "error", "pending"] },
  { name: "chain", title: "Chain", kind: "choice", values: "CHAIN_NAME" },
  { name: "version", title: "Version", kind: "number", placeholder: "Version of the chain" },
  { name: "label", title: "Label", kind: "text", placeholder: "production" },
  { name: "error", title: "Error type", kind: "choice", values: "ERROR_TYPE" },
  { name: "cost", title: "Cost state", kind: "choice", options: ["priced", "unpriced", "unknown", "pending"] },
  { name: "user", title: "End user", kind: "choice", values: "END_USER" },
  { name: "session", title: "Session", kind: "text", placeholder: "Session id" },
  { name: "service", title: "Service", kind: "choice", values: "SERVICE" },
  { name: "source", title: "Source", kind: "choice", values: "SOURCE" },
  { name: "tag", title: "Tag", kind: "text", placeholder: "team=support, or team" },
  { name: "minLatency", title: "Duration at least", kind: "number", placeholder: "Milliseconds" },
  { name: "maxLatency", title: "Duration at most", kind: "number", placeholder: "Milliseconds" },
];

export const RANGES = [
  { name: "1h", title: "Last hour", seconds: 3_600 },
  { name: "24h", title: "Last 24 hours", seconds: 86_400 },
  { name: "7d", title: "Last 7 days", seconds: 7 * 86_400 },
  { name: "30d", title: "Last 30 days", seconds: 30 * 86_400 },
] as const;

type Found = Record<string, string[]>;
const names = (fields: readonly Field[]) => [...fields.map((field) => field.name), "where", "range", "from", "to"];

/** Only the parameters that filter, in a stable order: equal filters have equal keys. */
export function pick(params: URLSearchParams, fields = FIELDS): Found {
  const found: Found = {};
  for (const name of names(fields)) {
    const values = params.getAll(name).filter(Boolean);
    if (values.length) found[name] = values;
  }
  return found;
}

/** Parameters that take every filter away. */
export const nothing = (fields = FIELDS): Values => Object.fromEntries(names(fields).map((name) => [name, null]));

/** Local midnight after or at a date of the address (2026-03-02), as the API's time. */
function midnight(date: string, plus = 0): string | null {
  const [year, month, day] = date.split("-").map(Number);
  if (!year || !month || !day) return null;
  return new Date(year, month - 1, day + plus).toISOString();
}

const whole = (text: string | undefined) => (text && /^\d{1,9}$/.test(text) ? Number(text) : null);
const money = (text: string | undefined) => (text && /^\d+(\.\d{1,12})?$/.test(text) ? text : null);

function tag(text: string) {
  const at = text.indexOf("=");
  return at < 0 ? { key: text, values: null } : { key: text.slice(0, at), values: [text.slice(at + 1)] };
}

/** What both kinds of list are asked alike; *now* is when a relative range was chosen. */
function common(found: Found, now: number) {
  const range = RANGES.find((one) => one.name === found["range"]?.[0]);
  const from = found["from"]?.[0];
  const to = found["to"]?.[0];
  return {
    status: found["status"],
    version: found["version"]?.map(Number).filter(Number.isInteger),
    label: found["label"],
    errorType: found["error"],
    costState: found["cost"],
    endUser: found["user"],
    sessionId: found["session"],
    service: found["service"],
    source: found["source"],
    tags: found["tag"]?.map(tag),
    where: found["where"]?.[0],
    createdFrom: range ? new Date(now - range.seconds * 1000).toISOString() : from ? midnight(from) : null,
    createdBefore: to ? midnight(to, 1) : null,
    minLatencyMs: whole(found["minLatency"]?.[0]),
    maxLatencyMs: whole(found["maxLatency"]?.[0]),
  };
}

const given = (filter: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined && value !== null));

/** The API's filter of executions. */
export const toFilter = (found: Found, now: number): Filter =>
  given({
    ...common(found, now),
    promptName: found["prompt"],
    model: found["model"],
    provider: found["provider"],
    minCostUsd: money(found["minCost"]?.[0]),
    maxCostUsd: money(found["maxCost"]?.[0]),
  }) as Filter;

/** The API's filter of chain executions. */
export const toChainFilter = (found: Found, now: number): ChainFilter =>
  given({ ...common(found, now), chainName: found["chain"] }) as ChainFilter;

/** What the runs of those chains add up to: the same as a filter of executions, in which a chain's calls are too. */
export const toRunFilter = (found: Found, now: number): Filter =>
  given({ ...common(found, now), version: null, label: null, chainName: found["chain"] ?? ["*"] }) as Filter;
