/** Stacked columns over time, read by pointer or arrow keys, with the same figures as a table for screen readers. */
import { useState, type KeyboardEvent } from "react";
import s from "./chart.module.css";
import { share } from "../format";
import { ticks } from "./scale";

export interface Series {
  name: string;
  colour: string;
}
export interface Column {
  key: string;
  /** Short, below the axis. */
  label: string;
  /** In full, in the readout. */
  title: string;
  /** One amount per series, the lowest in the stack last. */
  amounts: readonly bigint[];
  /** What the readout and the table say: name and value. */
  facts: readonly (readonly [string, string])[];
}

interface Props {
  label: string;
  series: readonly Series[];
  columns: readonly Column[];
  axis: (value: bigint) => string;
  onOpen?: (column: Column) => void;
  /** A strip without axes. */
  strip?: boolean;
  /** Columns outside what is looked at are faint. */
  faint?: (column: Column) => boolean;
}

export function Columns({ label, series, columns, axis, onOpen, strip, faint }: Props) {
  const [active, setActive] = useState<number | null>(null);
  const [spoken, setSpoken] = useState(false);
  const totals = columns.map((column) => column.amounts.reduce((sum, one) => sum + one, 0n));
  const highest = totals.reduce((most, one) => (one > most ? one : most), 0n);
  const marks = ticks(highest);
  const top = marks.at(-1) || 1n;
  const column = active === null ? undefined : columns[active];
  const every = Math.max(1, Math.ceil(columns.length / 7));

  const onKeyDown = (event: KeyboardEvent) => {
    const last = columns.length - 1;
    const at = active ?? last + 1;
    const moves: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: active === null ? 0 : at + 1,
      Home: 0,
      End: last,
    };
    const next = moves[event.key];
    if (next !== undefined) {
      event.preventDefault();
      setSpoken(true);
      setActive(Math.min(last, Math.max(0, next)));
    } else if (event.key === "Enter" && column) onOpen?.(column);
    else if (event.key === "Escape") setActive(null);
  };

  return (
    <figure className={strip ? `${s.chart} ${s.strip}` : s.chart}>
      <div
        className={s.plot}
        role="group"
        aria-label={`${label}: arrow keys read it column by column`}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onBlur={() => setActive(null)}
        onPointerLeave={() => setActive(null)}
      >
        {marks.map((mark) => (
          <div
            key={String(mark)}
            className={s.tick}
            style={{ bottom: `${share(mark, top) * 100}%` }}
            aria-hidden="true"
          >
            <span>{axis(mark)}</span>
          </div>
        ))}
        <div className={s.columns} aria-hidden="true">
          {columns.map((one, index) => (
            <div
              key={one.key}
              className={s.column}
              data-active={index === active}
              data-faint={faint?.(one)}
              onPointerEnter={() => (setSpoken(false), setActive(index))}
              onClick={() => onOpen?.(one)}
            >
              <div className={s.stack} data-thin={columns.length > 45}>
                {one.amounts.map(
                  (value, n) =>
                    value > 0n && (
                      <i
                        key={series[n]?.name}
                        style={{
                          height: `max(${strip ? 1 : 2}px, ${share(value, top) * 100}%)`,
                          background: series[n]?.colour,
                        }}
                      />
                    ),
                )}
              </div>
            </div>
          ))}
        </div>
        {column && active !== null && (
          <div
            className={s.readout}
            style={
              (active + 0.5) / columns.length < 0.55
                ? { left: `calc(${((active + 1) / columns.length) * 100}% + 6px)` }
                : { right: `calc(${(1 - active / columns.length) * 100}% + 6px)` }
            }
            aria-hidden="true"
          >
            <h3>{column.title}</h3>
            <dl>
              {column.facts.map(([name, value]) => {
                const found = series.find((one) => one.name === name);
                return (
                  <div key={name}>
                    {found && <span className={s.swatch} style={{ background: found.colour }} />}
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                  </div>
                );
              })}
            </dl>
          </div>
        )}
      </div>
      <div className={s.dates} aria-hidden="true">
        {columns.map(
          (one, index) =>
            (columns.length - 1 - index) % every === 0 && (
              <span
                key={one.key}
                data-odd={((columns.length - 1 - index) / every) % 2 === 1}
                data-edge={columns.length > 12 && index === columns.length - 1 ? "end" : undefined}
                style={{ left: `${((index + 0.5) / columns.length) * 100}%` }}
              >
                {one.label}
              </span>
            ),
        )}
      </div>
      <p className="sr" aria-live="polite">
        {spoken && column
          ? `${column.title}: ${column.facts.map(([name, value]) => `${name} ${value}`).join(", ")}`
          : ""}
      </p>
      <table className="sr">
        <caption>{label}</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {columns[0]?.facts.map(([name]) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {columns.map((one) => (
            <tr key={one.key}>
              <th scope="row">{one.title}</th>
              {one.facts.map(([name, value]) => (
                <td key={name}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

export function Legend({ series }: { series: readonly Series[] }) {
  return (
    <div className={s.legend} aria-hidden="true">
      {series.map((one) => (
        <span key={one.name}>
          <i className={s.swatch} style={{ background: one.colour }} />
          {one.name}
        </span>
      ))}
    </div>
  );
}
