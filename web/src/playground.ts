/** What stands in the playground, as plain values: columns, each a text with a model and parameters, over shared variables. */
import { createTwoFilesPatch, OMIT_HEADERS } from "diff";
import { object } from "./json";
import { asked, taken, variables, type Schema, type Values, type Variable } from "./variables";

export interface Turn {
  role: string;
  content: string;
}

/** A version of a prompt, as far as a column needs it. */
export interface Base {
  promptId: string;
  promptName: string;
  version: number;
  turns: readonly Turn[];
  provider: string | null;
  params: Readonly<Record<string, unknown>>;
  schema: Schema | null;
}

export interface Column {
  key: string;
  /** The version that it came from; null for a text of its own. */
  base: Base | null;
  turns: readonly Turn[];
  model: string;
  /** Empty: the one that the model's name says. */
  provider: string;
  /** JSON objects as they are typed; empty for none. */
  params: string;
  schema: string;
  /** The execution that it ran last. */
  run: string | null;
}

export interface Work {
  columns: readonly Column[];
  values: Values;
}

export const MOST = 4;
export const ROLES = ["system", "user", "assistant"] as const;

const key = () => crypto.randomUUID();
const shown = (value: object | null): string => (value && Object.keys(value).length ? JSON.stringify(value, null, 2) : "");

export const blank = (): Column => ({
  key: key(),
  base: null,
  turns: [{ role: "user", content: "" }],
  model: "",
  provider: "",
  params: "",
  schema: "",
  run: null,
});

/** A column that runs a version as it is. */
export function column(base: Base): Column {
  const { model, ...params } = base.params;
  return {
    ...blank(),
    base,
    turns: base.turns,
    model: String(model ?? ""),
    provider: base.provider ?? "",
    params: shown(params),
    schema: shown(base.schema),
  };
}

export const copied = (one: Column): Column => ({ ...one, key: key(), run: null });

export const schemaOf = (one: Column): Schema | null => object(one.schema).value as Schema | null;
export const variablesOf = (one: Column): Variable[] =>
  variables(
    one.turns.map((turn) => turn.content),
    schemaOf(one),
  );

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Whether the text itself is another than that of the version; only then a run is none of the version. */
export function changed(one: Column): boolean {
  const { base } = one;
  if (!base) return true;
  const given = object(one.params).value as Record<string, unknown> | null;
  const gone = Object.keys(base.params).some((name) => name !== "model" && !(name in (given ?? {})));
  return gone || !same(one.turns, base.turns) || !same(schemaOf(one), base.schema);
}

/** Whether anything at all would be new in a version that is saved from it. */
export function novel(one: Column): boolean {
  const { base } = one;
  if (!base) return true;
  const { model, ...params } = base.params;
  return (
    changed(one) ||
    one.model !== model ||
    one.provider !== (base.provider ?? "") ||
    !same(object(one.params).value ?? {}, params)
  );
}

/** What keeps a column from running; null when nothing does. */
export function hindrance(one: Column): string | null {
  if (!one.model.trim()) return "Choose a model.";
  if (one.turns.every((turn) => !turn.content.trim())) return "Write a message.";
  const wrong = object(one.params).problem;
  if (wrong) return `Parameters: ${wrong}`;
  const schema = object(one.schema).problem;
  return schema && `Input schema: ${schema}`;
}

const only = (turns: readonly Turn[]): string | null =>
  turns.length === 1 && turns[0]?.role === "user" ? turns[0].content : null;

/** What a column asks the API to run: the version with what differs, or the text itself. */
export function input(one: Column, values: Values) {
  const draft = changed(one);
  // a text of its own has no schema at the server: it takes what it asks for, and no more
  const places = asked(one.turns.map((turn) => turn.content));
  const own = variablesOf(one).filter((variable) => !draft || places.has(variable.name));
  const given = taken(values, own, draft ? null : schemaOf(one), draft);
  const params = { ...(object(one.params).value as object | null), model: one.model.trim() };
  const text = only(one.turns);
  const what = !draft
    ? { promptId: one.base?.promptId ?? null, version: one.base?.version ?? null }
    : text === null
      ? { messages: [...one.turns] }
      : { content: text };
  return {
    ...what,
    variables: given,
    params,
    provider: one.provider || null,
    tags: { playground: !draft ? "version" : one.base ? "draft" : "text" },
    ...(draft && one.base && { metadata: { draftOf: `${one.base.promptName} v${one.base.version}` } }),
  };
}

/** What a column says as a version. */
export function version(one: Column) {
  const text = only(one.turns);
  return {
    ...(text === null ? { messages: [...one.turns] } : { content: text }),
    params: { ...(object(one.params).value as object | null), model: one.model.trim() },
    provider: one.provider || null,
    inputSchema: schemaOf(one),
  };
}

function written(one: Column): string {
  const turns = one.turns.map((turn) => `${turn.role}:\n${turn.content}\n`);
  const rest = [
    `model: ${one.model}`,
    one.provider && `provider: ${one.provider}`,
    one.params && `parameters: ${one.params}`,
    one.schema && `input schema: ${one.schema}`,
  ];
  return `${[...turns, ...rest.filter(Boolean)].join("\n")}\n`;
}

/** From the version that a column came from to what it says now, as a unified diff; empty where nothing differs. */
export function difference(one: Column): string {
  const before = one.base ? written(column(one.base)) : "";
  return createTwoFilesPatch("", "", before, written(one), "", "", { context: 3, headerOptions: OMIT_HEADERS });
}

const KEPT = "promptforge.playground";

/** In this tab, so that a reload loses nothing and logging out leaves nothing. */
export function keep(workspace: string, work: Work): void {
  try {
    sessionStorage.setItem(`${KEPT}.${workspace}`, JSON.stringify(work));
  } catch {
    // too large for the browser to keep: it is still on the page
  }
}

export function kept(workspace: string): Work | null {
  try {
    const work = JSON.parse(sessionStorage.getItem(`${KEPT}.${workspace}`) ?? "null") as Work | null;
    return work?.columns.length ? work : null;
  } catch {
    return null;
  }
}
