/** Variables of templates: which there are, what a schema says of each, and what is wrong with a value before it is sent. */

export interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  title?: string;
  description?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: unknown;
  patternProperties?: unknown;
}

export type Kind = "text" | "number" | "boolean" | "choice" | "json";

export interface Variable {
  name: string;
  kind: Kind;
  schema: Schema;
  required: boolean;
}

export type Values = Readonly<Record<string, unknown>>;

/** `{{name}}`, `{{ customer.name }}`, `{{items[0]}}`; an odd number of backslashes before it makes it text. */
const PLACE = /(\\*)\{\{\s*([\p{L}_][\p{L}\p{N}_-]*)((?:\.[\p{L}_][\p{L}\p{N}_-]*|\[[^\]{}]*\])*)\s*\}\}/gu;

/** The names that texts ask for, once each, and whether something inside of them is asked for. */
export function asked(texts: readonly string[]): Map<string, boolean> {
  const found = new Map<string, boolean>();
  for (const text of texts)
    for (const [, slashes = "", name = "", inside = ""] of text.matchAll(PLACE))
      if (slashes.length % 2 === 0) found.set(name, found.get(name) === true || inside !== "");
  return found;
}

function kind(schema: Schema, inside: boolean): Kind {
  const types = [schema.type ?? []].flat().filter((one) => one !== "null");
  if (schema.enum) return "choice";
  if (types.length === 0) return inside ? "json" : "text";
  if (types.length > 1) return "json";
  if (types[0] === "string") return "text";
  if (types[0] === "number" || types[0] === "integer") return "number";
  return types[0] === "boolean" ? "boolean" : "json";
}

/** What a text with its schema takes: the properties first, as they stand there, then what else the text asks for. */
export function variables(texts: readonly string[], schema: Schema | null): Variable[] {
  const places = asked(texts);
  const properties = schema?.properties ?? {};
  const names = new Set([...Object.keys(properties), ...places.keys()]);
  return [...names].map((name) => {
    const own = properties[name] ?? {};
    const needed = schema?.required?.includes(name) || places.has(name);
    return {
      name,
      kind: kind(own, places.get(name) === true),
      schema: own,
      required: needed && own.default === undefined,
    };
  });
}

/** The variables of several texts as one list; the first that knows more than the name says what it is. */
export function merged(lists: readonly (readonly Variable[])[]): Variable[] {
  const all = new Map<string, Variable>();
  for (const one of lists.flat()) {
    const known = all.get(one.name);
    const said = known && Object.keys(known.schema).length ? known : one;
    all.set(one.name, { ...said, required: one.required || known?.required === true });
  }
  return [...all.values()];
}

/** Whether a schema lets in names that it does not mention. */
const open = (schema: Schema | null): boolean =>
  schema !== null && ((schema.additionalProperties ?? false) !== false || schema.patternProperties !== undefined);

/** Of all values those that a text takes; defaults are filled in where the server cannot know them. */
export function taken(values: Values, own: readonly Variable[], schema: Schema | null, fill: boolean): Values {
  const names = new Set(own.map((one) => one.name));
  const given = Object.entries(values).filter(([name]) => names.has(name) || open(schema));
  const defaults = own.filter((one) => fill && one.schema.default !== undefined);
  return { ...Object.fromEntries(defaults.map((one) => [one.name, one.schema.default])), ...Object.fromEntries(given) };
}

const TYPES: Record<string, (value: unknown) => boolean> = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: (value) => typeof value === "number" && Number.isInteger(value),
  boolean: (value) => typeof value === "boolean",
  array: (value) => Array.isArray(value),
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  null: (value) => value === null,
};
const CALLED: Record<string, string> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  array: "a JSON list",
  object: "a JSON object",
  null: "null",
};
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What is plainly wrong with a value, in a sentence; null when nothing is. The server has the last word. */
export function problem({ schema, required }: Variable, value: unknown): string | null {
  if (value === undefined) return required ? "This is needed." : null;
  const types = [schema.type ?? []].flat();
  if (types.length && !types.some((type) => TYPES[type]?.(value) ?? true))
    return `This must be ${types.map((type) => CALLED[type] ?? type).join(" or ")}.`;
  if (schema.enum && !schema.enum.some((one) => same(one, value))) return "This must be one of the choices.";
  if (schema.const !== undefined && !same(schema.const, value)) return `This must be ${JSON.stringify(schema.const)}.`;
  if (typeof value === "number") {
    if (schema.minimum !== undefined && value < schema.minimum) return `This must be at least ${schema.minimum}.`;
    if (schema.maximum !== undefined && value > schema.maximum) return `This must be at most ${schema.maximum}.`;
  }
  if (typeof value === "string") {
    const length = [...value].length;
    if (length < (schema.minLength ?? 0)) return `This takes at least ${schema.minLength} characters.`;
    if (length > (schema.maxLength ?? length)) return `This takes at most ${schema.maxLength} characters, not ${length}.`;
  }
  return null;
}

/** Where the server found something wrong: the variable that its sentence names; null for none. */
export const blamed = (sentence: string): string | null => /\$\.variables\.([\p{L}_][\p{L}\p{N}_-]*)/u.exec(sentence)?.[1] ?? null;
