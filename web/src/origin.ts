/** From an execution to a column that asks the same again. */
import { baseOf, type Origin } from "./api/playground";
import { plain, turns } from "./parts/content";
import { blank, column, ROLES, type Column, type Turn } from "./playground";
import type { Values } from "./variables";

/** Names of a request that are no parameters, in any provider's form. */
const STRUCTURE = ["model", "messages", "system", "input", "instructions", "contents", "stream", "stream_options"];
/** Parameters that a call may have set in the place of those of its version, and that every form calls the same. */
const COMMON = ["temperature", "max_tokens", "top_p", "seed", "stop", "demo"];

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const json = (value: Json): string => (Object.keys(value).length ? JSON.stringify(value, null, 2) : "");

function said(value: unknown): Turn[] {
  return turns(value).map(({ role, content }) => ({
    role: (ROLES as readonly string[]).includes(role) ? role : "user",
    content: content === null || content === undefined ? "" : plain(content),
  }));
}

export function reopened({ promptVersion, input, request, provider, model }: Origin): { column: Column; values: Values } {
  const sent = isObject(request) ? request : {};
  if (promptVersion) {
    const base = baseOf(promptVersion);
    const made = column(base);
    const own = Object.fromEntries(Object.entries(base.params).filter(([name]) => name !== "model"));
    const differs = Object.fromEntries(COMMON.filter((name) => name in sent).map((name) => [name, sent[name]]));
    return {
      column: {
        ...made,
        model,
        provider: model === base.params["model"] ? made.provider : provider,
        params: json({ ...own, ...differs }),
      },
      values: isObject(input) ? input : {},
    };
  }
  const template = isObject(input) && isObject(input["variables"]) ? input : null;
  const asText = (text: unknown): Turn[] => (typeof text === "string" ? [{ role: "user", content: text }] : []);
  const found = template
    ? [...asText(template["content"]), ...said(template)]
    : [...said(sent), ...(sent["messages"] ? [] : asText(sent["input"]))];
  const params = Object.fromEntries(Object.entries(sent).filter(([name]) => !STRUCTURE.includes(name)));
  return {
    column: { ...blank(), turns: found.length ? found : blank().turns, model, provider, params: json(params) },
    values: template ? (template["variables"] as Json) : {},
  };
}
