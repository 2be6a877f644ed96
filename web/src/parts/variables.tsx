/** A form made of what templates ask for and what a schema says of it. */
import { problem, type Values, type Variable } from "../variables";
import { fromJson, fromNumber, ReadField, SelectField, toJson, toNumber } from "./fields";

interface Props {
  list: readonly Variable[];
  values: Values;
  /** Whether what is missing is said: not before somebody tried to run. */
  strict: boolean;
  /** What the server found wrong, by name. */
  refused: Readonly<Record<string, string>>;
  onChange: (values: Values) => void;
}

export function VariableFields({ list, values, strict, refused, onChange }: Props) {
  const set = (name: string, value: unknown) => {
    const { [name]: _, ...others } = values;
    onChange(value === undefined ? others : { ...others, [name]: value });
  };
  return list.map((one) => (
    <One
      key={`${one.name} ${one.kind}`}
      variable={one}
      value={values[one.name]}
      wrong={(strict || values[one.name] !== undefined ? problem(one, values[one.name]) : null) ?? refused[one.name] ?? null}
      onChange={(value) => set(one.name, value)}
    />
  ));
}

interface OneProps {
  variable: Variable;
  value: unknown;
  wrong: string | null;
  onChange: (value: unknown) => void;
}

function One({ variable, value, wrong, onChange }: OneProps) {
  const { name, kind, schema, required } = variable;
  const fallback = schema.default;
  const common = {
    label: name,
    note: required ? undefined : "optional",
    hint: schema.description ?? schema.title,
    problem: wrong,
    placeholder: fallback === undefined ? undefined : `${fromJson(fallback)}, unless you say otherwise`,
  };
  if (kind === "choice" || kind === "boolean") {
    const choices = kind === "boolean" ? [true, false] : (schema.enum ?? []);
    const none = fallback === undefined ? (required ? "Choose" : "None") : `${fromJson(fallback)}, the default`;
    const at = choices.findIndex((one) => JSON.stringify(one) === JSON.stringify(value));
    return (
      <SelectField
        {...common}
        value={at < 0 ? "" : String(at)}
        options={[
          { value: "", title: none },
          ...choices.map((one, n) => ({ value: String(n), title: fromJson(one) })),
        ]}
        onChange={(chosen) => onChange(chosen === "" ? undefined : choices[Number(chosen)])}
      />
    );
  }
  if (kind === "number")
    return <ReadField {...common} value={value} read={toNumber} write={fromNumber} onChange={onChange} />;
  if (kind === "json")
    return (
      <ReadField
        {...common}
        note={[common.note, "JSON"].filter(Boolean).join(", ")}
        value={value}
        read={toJson}
        write={fromJson}
        onChange={onChange}
        lines={2}
        code
      />
    );
  return (
    <ReadField
      {...common}
      value={value}
      read={(text) => text || undefined}
      write={fromJson}
      onChange={onChange}
      lines={1}
    />
  );
}
