/** Parameters of a model: fields for those that most know, and the same as JSON for all of them. */
import { useId } from "react";
import { object } from "../json";
import { Button } from "./controls";
import { Editor } from "./editor";
import { fromJson, fromNumber, ReadField, SelectField, toNumber } from "./fields";
import s from "./playground.module.css";

type Params = Record<string, unknown>;

const NUMBERS: readonly { name: string; title: string; range: string; fits: (n: number) => boolean }[] = [
  { name: "temperature", title: "Temperature", range: "0 to 2", fits: (n) => n >= 0 && n <= 2 },
  { name: "max_tokens", title: "Most tokens out", range: "a whole number", fits: (n) => Number.isInteger(n) && n > 0 },
  { name: "top_p", title: "Top p", range: "0 to 1", fits: (n) => n >= 0 && n <= 1 },
  { name: "seed", title: "Seed", range: "a whole number", fits: Number.isInteger },
];
const EFFORTS = ["none", "minimal", "low", "medium", "high"];

/** What a tool and an answer's form look like, to be filled in. */
const SAMPLES: readonly { name: string; title: string; value: unknown }[] = [
  {
    name: "tools",
    title: "Tools",
    value: [
      {
        type: "function",
        function: {
          name: "look_up",
          description: "Look something up.",
          parameters: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
        },
      },
    ],
  },
  {
    name: "response_format",
    title: "Response format",
    value: {
      type: "json_schema",
      json_schema: { name: "answer", schema: { type: "object", properties: { answer: { type: "string" } } } },
    },
  },
];

/** The parameters in one line: temperature 0.2 · max_tokens 500. */
export function gistOf(text: string): string {
  const given = Object.entries((object(text).value ?? {}) as Params);
  return given
    .map(([name, value]) => (typeof value === "object" && value !== null ? name : `${name} ${String(value)}`))
    .join(" · ");
}

export function Parameters({ label, text, onChange }: { label: string; text: string; onChange: (text: string) => void }) {
  const id = useId();
  const { value, problem } = object(text);
  const given = (value ?? {}) as Params;
  const set = (name: string, next: unknown) => {
    const { [name]: _, ...others } = given;
    const made = next === undefined ? others : { ...given, [name]: next };
    onChange(Object.keys(made).length ? JSON.stringify(made, null, 2) : "");
  };
  const wrong = (one: (typeof NUMBERS)[number]): string | null => {
    const now = given[one.name];
    return now === undefined || (typeof now === "number" && one.fits(now)) ? null : `This must be ${one.range}.`;
  };
  return (
    <div className={s.parameters}>
      {!problem && (
        <div className={s.numbers}>
          {NUMBERS.map((one) => (
            <ReadField
              key={one.name}
              label={one.title}
              value={given[one.name]}
              read={toNumber}
              write={fromNumber}
              onChange={(next) => set(one.name, next)}
              problem={wrong(one)}
              placeholder={one.range}
            />
          ))}
          <SelectField
            label="Reasoning effort"
            value={typeof given["reasoning_effort"] === "string" ? given["reasoning_effort"] : ""}
            options={[{ value: "", title: "The model's own" }, ...EFFORTS.map((one) => ({ value: one, title: one }))]}
            onChange={(next) => set("reasoning_effort", next || undefined)}
          />
          <ReadField
            label="Stop"
            value={given["stop"]}
            read={(typed) => typed || undefined}
            write={fromJson}
            onChange={(next) => set("stop", next)}
            placeholder="Ends where this comes"
          />
        </div>
      )}
      <div className={s.samples}>
        <span className="muted">All of them as JSON</span>
        {SAMPLES.map(
          (one) =>
            !problem &&
            !(one.name in given) && (
              <Button key={one.name} small look="quiet" onClick={() => set(one.name, one.value)}>
                + {one.title}
              </Button>
            ),
        )}
      </div>
      <Editor
        label={`${label} as JSON`}
        value={text}
        onChange={onChange}
        rows={Math.min(14, Math.max(3, text.split("\n").length))}
        describedBy={`${id}-said`}
      />
      <p id={`${id}-said`} className={problem ? s.bad : "sr"} aria-live="polite">
        {problem ?? "Right as it stands."}
      </p>
    </div>
  );
}
