/** Fields of forms: a label, a control, a remark, and what is wrong with what was typed, where it was typed. */
import { useId, useState, type ReactNode } from "react";
import { inputClass } from "./controls";
import s from "./fields.module.css";

interface Common {
  label: string;
  /** Beside the label. */
  note?: string | undefined;
  /** Under the control. */
  hint?: string | undefined;
  problem?: string | null | undefined;
}

interface Given extends Common {
  children: (ids: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean }) => ReactNode;
}

export function Field({ label, note, hint, problem, children }: Given) {
  const id = useId();
  const said = problem ?? hint;
  return (
    <div className={s.field}>
      <label htmlFor={id}>
        {label}
        {note && <small>{note}</small>}
      </label>
      {children({ id, "aria-describedby": said ? `${id}-said` : undefined, "aria-invalid": Boolean(problem) })}
      {said && (
        <p id={`${id}-said`} className={problem ? s.bad : s.hint}>
          {said}
        </p>
      )}
    </div>
  );
}

/** A text of one line or of several. */
export function TextField(
  props: Common & {
    value: string;
    onChange: (value: string) => void;
    lines?: number;
    placeholder?: string | undefined;
    code?: boolean;
  },
) {
  const { value, onChange, lines, placeholder, code, ...rest } = props;
  return (
    <Field {...rest}>
      {(ids) =>
        lines === undefined ? (
          <input
            {...ids}
            className={inputClass}
            value={value}
            placeholder={placeholder}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => onChange(event.target.value)}
          />
        ) : (
          <textarea
            {...ids}
            className={code ? `${s.area} ${s.code}` : s.area}
            value={value}
            rows={lines}
            placeholder={placeholder}
            spellCheck={!code}
            onChange={(event) => onChange(event.target.value)}
          />
        )
      }
    </Field>
  );
}

/** A value that is typed as a text: what cannot be read stays as it is typed, and whoever checks values says so. */
export function ReadField(
  props: Common & {
    value: unknown;
    read: (text: string) => unknown;
    write: (value: unknown) => string;
    onChange: (value: unknown) => void;
    lines?: number;
    code?: boolean;
    placeholder?: string | undefined;
  },
) {
  const { value, read, write, onChange, ...rest } = props;
  const [typed, setTyped] = useState({ value, text: write(value) });
  // what was changed elsewhere is shown; what was typed here stays as it was typed
  const text = Object.is(typed.value, value) ? typed.text : write(value);
  return (
    <TextField
      {...rest}
      value={text}
      onChange={(next) => {
        const made = read(next);
        setTyped({ value: made, text: next });
        onChange(made);
      }}
    />
  );
}

/** Text to number; what is none stays a text, and nothing is undefined. */
export function toNumber(text: string): unknown {
  if (!text.trim()) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

/** Text to the JSON value that it says; what says none stays a text. */
export function toJson(text: string): unknown {
  if (!text.trim()) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export const fromNumber = (value: unknown): string => (value === undefined || value === null ? "" : String(value));
export const fromJson = (value: unknown): string =>
  value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2);

export function SelectField(
  props: Common & {
    value: string;
    options: readonly { value: string; title: string }[];
    onChange: (value: string) => void;
  },
) {
  const { value, options, onChange, ...rest } = props;
  return (
    <Field {...rest}>
      {(ids) => (
        <select {...ids} className={inputClass} value={value} onChange={(event) => onChange(event.target.value)}>
          {options.map((one) => (
            <option key={one.value} value={one.value}>
              {one.title}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
