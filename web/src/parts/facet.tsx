/** The values of one filter: a list to tick, or a line to type into. */
import { useState } from "react";
import type { Field } from "../filter";
import { compact, words } from "../format";
import { Bone, Button, inputClass } from "./controls";
import s from "./facet.module.css";

export interface Option {
  value: string;
  count?: number;
}

interface Props {
  field: Field;
  options: readonly Option[] | undefined;
  selected: readonly string[];
  onChange: (values: readonly string[]) => void;
  onDone: () => void;
}

export function Facet(props: Props) {
  return props.field.kind === "choice" ? <Choice {...props} /> : <Entry {...props} />;
}

function Choice({ field, options, selected, onChange }: Props) {
  const [search, setSearch] = useState("");
  const wanted = search.trim().toLowerCase();
  const known = new Set(options?.map((option) => option.value));
  const all = [
    ...selected.filter((value) => !known.has(value)).map((value): Option => ({ value })),
    ...(options ?? []),
  ];
  const shown = all.filter((option) => option.value.toLowerCase().includes(wanted));
  const own = search.trim();
  const title = (value: string) => (field.options || field.name === "error" ? words(value) : value);
  const toggle = (value: string) =>
    onChange(selected.includes(value) ? selected.filter((one) => one !== value) : [...selected, value]);
  return (
    <>
      {!field.options && (
        <div className={s.search}>
          <input
            className={inputClass}
            data-autofocus
            aria-label={`Find a ${field.title.toLowerCase()}`}
            placeholder={field.name === "model" ? "Find, or a pattern such as gpt-4*" : "Find"}
            value={search}
            onChange={(event) => setSearch(event.target.value)}
            onKeyDown={(event) => {
              const only = shown.length === 1 ? shown[0]?.value : own;
              if (event.key === "Enter" && only) toggle(only);
            }}
          />
        </div>
      )}
      <div className={s.list} role="group" aria-label={field.title}>
        {!options && <Bone width="70%" />}
        {shown.map((option) => (
          <label key={option.value} className={s.option}>
            <input type="checkbox" checked={selected.includes(option.value)} onChange={() => toggle(option.value)} />
            <span className="clip">{title(option.value)}</span>
            {option.count !== undefined && <small>{compact(option.count)}</small>}
          </label>
        ))}
        {own && !shown.some((option) => option.value === own) && (
          <label className={s.option}>
            <input type="checkbox" checked={false} onChange={() => (toggle(own), setSearch(""))} />
            <span className="clip">Use “{own}”</span>
          </label>
        )}
        {options && !shown.length && !own && <p className={s.none}>No values yet.</p>}
      </div>
    </>
  );
}

function Entry({ field, selected, onChange, onDone }: Props) {
  const [value, setValue] = useState(selected[0] ?? "");
  const number = field.kind === "number";
  return (
    <form
      className={s.form}
      onSubmit={(event) => {
        event.preventDefault();
        onChange(value.trim() ? [value.trim()] : []);
        onDone();
      }}
    >
      <label htmlFor={`filter-${field.name}`}>{field.title}</label>
      <div className={s.row}>
        <input
          id={`filter-${field.name}`}
          className={inputClass}
          data-autofocus
          inputMode={number ? "decimal" : "text"}
          pattern={number ? (field.name.endsWith("Cost") ? "\\d+(\\.\\d{1,12})?" : "\\d{1,9}") : undefined}
          title={field.placeholder}
          placeholder={field.placeholder}
          value={value}
          onChange={(event) => setValue(event.target.value)}
        />
        <Button type="submit" look="primary" style={{ height: 32 }}>
          Apply
        </Button>
      </div>
    </form>
  );
}
