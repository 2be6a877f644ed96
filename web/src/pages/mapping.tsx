/** Column by column: which column of a file is which field, tag or leaf of usage of an execution. */
import type { ReactNode } from "react";
import { Button, IconButton, inputClass } from "../parts/controls";
import s from "./importing.module.css";

const FIELDS: readonly (readonly [string, string])[] = [
  ["createdAt", "Time"],
  ["externalId", "Id elsewhere"],
  ["status", "Status"],
  ["model", "Model"],
  ["provider", "Provider"],
  ["promptName", "Prompt"],
  ["input", "Input"],
  ["output", "Output"],
  ["error", "Error"],
  ["errorType", "Error type"],
  ["finishReason", "Finish reason"],
  ["latencyMs", "Latency in ms"],
  ["firstTokenMs", "First token in ms"],
  ["tokenIn", "Tokens in"],
  ["tokenOut", "Tokens out"],
  ["costUsd", "Cost in US dollars"],
  ["endUser", "End user"],
  ["sessionId", "Session"],
  ["service", "Service"],
];
const LEAVES = [
  "input",
  "input_cache_read",
  "input_cache_write",
  "input_cache_write_1h",
  "input_audio",
  "input_image",
  "output",
  "output_reasoning",
  "output_audio",
  "output_image",
  "requests",
  "web_searches",
] as const;

/** What has a name of its own: a tag, or a leaf of usage. */
interface Part {
  of: "tags" | "usage";
  name: string;
  column: string;
}
export interface Mapped {
  fields: Readonly<Record<string, string>>;
  parts: readonly Part[];
}

/** Columns that are named as the record names its fields, or tags.x and usage.x, are taken without asking. */
export function guess(columns: readonly string[]): Mapped {
  const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, "");
  const fields = FIELDS.map(([field]) => [field, columns.find((one) => plain(one) === plain(field)) ?? ""] as const);
  const parts = columns.flatMap((column): Part[] => {
    const [, of, name] = /^(tags|usage)\.([^=]+)$/.exec(column) ?? [];
    return of && name ? [{ of: of as Part["of"], name, column }] : [];
  });
  return { fields: Object.fromEntries(fields), parts };
}

/** What the import door is told: a field, and the column that it is taken from. */
export function pairs({ fields, parts }: Mapped): (readonly [string, string])[] {
  const named = parts.map(({ of, name, column }) => [name.trim() && `${of}.${name.trim()}`, column] as const);
  return [...Object.entries(fields), ...named].filter(([field, column]) => field && column);
}

interface Props {
  columns: readonly string[];
  mapped: Mapped;
  onChange: (mapped: Mapped) => void;
}

export function Mapping({ columns, mapped, onChange }: Props) {
  const { fields, parts } = mapped;
  const put = (place: number, ...part: Part[]) => onChange({ fields, parts: parts.toSpliced(place, 1, ...part) });
  const leaf = LEAVES.find((one) => !parts.some(({ of, name }) => of === "usage" && name === one)) ?? LEAVES[0];
  return (
    <>
      <div className={s.fields}>
        {FIELDS.map(([field, title]) => (
          <Choice
            key={field}
            label={title}
            value={fields[field] ?? ""}
            onChange={(column) => onChange({ fields: { ...fields, [field]: column }, parts })}
          >
            <Columns columns={columns} />
          </Choice>
        ))}
      </div>
      {parts.map((part, place) => (
        <div key={place} className={s.part} role="group" aria-label={`${part.of} ${place + 1}`}>
          {part.of === "tags" ? (
            <Text
              label="Tag"
              value={part.name}
              onChange={(name) => put(place, { ...part, name: name.replace(/=|:+$/g, "") })}
            />
          ) : (
            <Choice label="Usage" value={part.name} onChange={(name) => put(place, { ...part, name })}>
              {[...new Set([...LEAVES, part.name])].map((one) => (
                <option key={one}>{one}</option>
              ))}
            </Choice>
          )}
          <Choice label="Column" value={part.column} onChange={(column) => put(place, { ...part, column })}>
            <Columns columns={columns} />
          </Choice>
          <IconButton icon="close" label="Remove" onClick={() => put(place)} />
        </div>
      ))}
      <div className={s.row}>
        <Button small onClick={() => put(parts.length, { of: "tags", name: "", column: "" })}>
          Add a tag
        </Button>
        <Button small onClick={() => put(parts.length, { of: "usage", name: leaf, column: "" })}>
          Add usage
        </Button>
        {parts.some(({ of }) => of === "usage") && (
          <span className={s.hint}>
            Usage is counted in parts that do not overlap: all input parts together are the tokens in.
          </span>
        )}
      </div>
    </>
  );
}

function Columns({ columns }: { columns: readonly string[] }) {
  return (
    <>
      <option value="">–</option>
      {columns.map((column) => (
        <option key={column}>{column}</option>
      ))}
    </>
  );
}

interface Control {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

export function Choice({ label, value, onChange, children }: Control & { children: ReactNode }) {
  return (
    <label>
      {label}
      <select
        className={inputClass}
        aria-label={label}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      >
        {children}
      </select>
    </label>
  );
}

export function Text({ label, value, onChange }: Control) {
  return (
    <label>
      {label}
      <input
        className={inputClass}
        aria-label={label}
        value={value}
        maxLength={200}
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}
