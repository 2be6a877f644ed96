/** The filter bar: search, time, and a chip for each filter that is set. It shows and reports; the page decides. */
import { useEffect, useRef, useState } from "react";
import { RANGES, type Field } from "../filter";
import { words } from "../format";
import type { Values } from "../route";
import { Button, Divider, inputClass, itemClass, Key, Menu, MenuItem } from "./controls";
import { Facet, type Option } from "./facet";
import s from "./filterbar.module.css";
import { Icon } from "./icon";

export type Found = Readonly<Record<string, readonly string[]>>;

interface Props {
  fields: readonly Field[];
  found: Found;
  /** The values that occur, once a field was opened. */
  options: (field: Field) => readonly Option[] | undefined;
  onOpen: (field: Field) => void;
  onChange: (values: Values, replace?: boolean) => void;
  onClear: () => void;
}

function Search({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [draft, setDraft] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const sent = useRef(value);
  useEffect(() => {
    if (value !== sent.current) setDraft((sent.current = value));
  }, [value]);
  useEffect(() => {
    if (draft.trim() === sent.current) return;
    const timer = setTimeout(() => onChange((sent.current = draft.trim())), 250);
    return () => clearTimeout(timer);
  }, [draft, onChange]);
  return (
    <div className={s.search} role="search">
      <Icon name="search" />
      <input
        ref={input}
        id="search"
        type="search"
        aria-label="Search, or filter as text"
        placeholder="Search, or status:error cost>0.01"
        title="Words that occur in input, output or error, and tests such as model:claude* latency>2s tag.env:prod"
        value={draft}
        maxLength={4000}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.stopPropagation();
            if (draft) setDraft("");
            else input.current?.blur();
          }
        }}
      />
      {draft ? (
        <Button
          look="quiet"
          small
          square
          aria-label="Clear the search"
          onClick={() => (setDraft(""), input.current?.focus())}
        >
          <Icon name="close" size={12} />
        </Button>
      ) : (
        <span aria-hidden="true">
          <Key>/</Key>
        </span>
      )}
    </div>
  );
}

function Time({ found, onChange }: Pick<Props, "found" | "onChange">) {
  const range = RANGES.find((one) => one.name === found["range"]?.[0]);
  const [from, to] = [found["from"]?.[0] ?? "", found["to"]?.[0] ?? ""];
  const title =
    range?.title ?? (from || to ? (from === to ? from : `${from || "start"} – ${to || "now"}`) : "All time");
  return (
    <Menu
      label="Time range"
      width={320}
      triggerClass={s.trigger}
      trigger={
        <>
          <Icon name="clock" size={14} />
          {title}
          <Icon name="down" size={12} />
        </>
      }
    >
      {(close) => (
        <>
          {[{ name: null, title: "All time" }, ...RANGES].map((one) => (
            <MenuItem key={one.title} onClick={() => (onChange({ range: one.name, from: null, to: null }), close())}>
              <span style={{ flex: 1 }}>{one.title}</span>
              {title === one.title && <Icon name="check" />}
            </MenuItem>
          ))}
          <Divider />
          <div className={s.dates}>
            {(["from", "to"] as const).map((name) => (
              <label key={name}>
                {name === "from" ? "From" : "To and including"}
                <input
                  type="date"
                  className={inputClass}
                  value={name === "from" ? from : to}
                  onChange={(event) => onChange({ range: null, [name]: event.target.value })}
                />
              </label>
            ))}
          </div>
        </>
      )}
    </Menu>
  );
}

function summary(field: Field, values: readonly string[]): string {
  const text = (value: string) => (field.options || field.name === "error" ? words(value) : value);
  const first = values.slice(0, 2).map(text).join(", ");
  return values.length > 2 ? `${first} +${values.length - 2}` : first;
}

export function FilterBar({ fields, found, options, onOpen, onChange, onClear }: Props) {
  const [adding, setAdding] = useState<Field | null>(null);
  const [search] = useState(() => (value: string) => onChange({ where: value || null }, true));
  const set = fields.filter((field) => found[field.name]?.length);
  const facet = (field: Field, done: () => void) => (
    <Facet
      field={field}
      options={field.options?.map((value) => ({ value })) ?? options(field)}
      selected={found[field.name] ?? []}
      onChange={(values) => onChange({ [field.name]: values })}
      onDone={done}
    />
  );
  return (
    <div className={s.bar}>
      <Search value={found["where"]?.[0] ?? ""} onChange={search} />
      <Time found={found} onChange={onChange} />
      {set.map((field) => (
        <span key={field.name} className={s.chip} data-filter={field.name}>
          <Menu
            label={field.title}
            width={264}
            triggerClass={s.edit}
            onToggle={(open) => open && onOpen(field)}
            trigger={
              <>
                <span>{field.title}</span>
                <b className="clip">{summary(field, found[field.name] ?? [])}</b>
              </>
            }
          >
            {(close) => facet(field, close)}
          </Menu>
          <button
            type="button"
            className={s.remove}
            aria-label={`Remove the filter ${field.title}`}
            onClick={() => onChange({ [field.name]: null })}
          >
            <Icon name="close" size={12} />
          </button>
        </span>
      ))}
      <Menu
        label="Add a filter"
        width={264}
        onToggle={() => setAdding(null)}
        triggerClass={s.trigger}
        trigger={
          <>
            <Icon name="filter" size={14} />
            Filter
          </>
        }
      >
        {(close) =>
          adding ? (
            <>
              <button type="button" className={itemClass} onClick={() => setAdding(null)}>
                <Icon name="left" />
                {adding.title}
              </button>
              <Divider />
              {facet(adding, () => (setAdding(null), close()))}
            </>
          ) : (
            fields.map((field) => (
              <MenuItem key={field.name} onClick={() => (setAdding(field), onOpen(field))}>
                {field.title}
                {found[field.name] && <span className={s.count}>{found[field.name]?.length}</span>}
              </MenuItem>
            ))
          )
        }
      </Menu>
      {Object.keys(found).length > 0 && (
        <Button look="quiet" onClick={onClear}>
          Clear all
        </Button>
      )}
    </div>
  );
}
