/** The table of a long list: only the rows in view exist; new ones on top never move what is being read. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { count } from "../format";
import { Bone, Button } from "./controls";
import s from "./grid.module.css";
import { Icon } from "./icon";

export type Density = "dense" | "tall";
const HEAD = 32;
const HEIGHT: Record<Density, number> = { dense: 34, tall: 54 };

/** A column's title and the class of its cells. */
export type Head = readonly [string, string | undefined];

interface Props<Row> {
  /** Of the element. */
  id: string;
  label: string;
  heads: readonly Head[];
  cells: (row: Row) => ReactNode;
  /** The class that lays the columns out. */
  layout?: string | undefined;
  rows: readonly Row[];
  /** How many rows came in on top since the list was read. */
  added: number;
  density: Density;
  cursor: number;
  open: string | null;
  pending: boolean;
  /** These are the rows of the filter before; those of the new one are on their way. */
  stale: boolean;
  more: boolean;
  empty: ReactNode;
  onOpen: (row: Row, index: number) => void;
  onEnd: () => void;
}

export const Cell = ({ name, title, children }: { name?: string | undefined; title?: string; children?: ReactNode }) => (
  <div role="gridcell" className={`${s.cell} ${name ?? ""}`} title={title}>
    {children}
  </div>
);

export function Grid<Row extends { id: string }>(props: Props<Row>) {
  const { rows, added, density, cursor, open } = props;
  const scroll = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLDivElement>(null);
  const height = HEIGHT[density];
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => height,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 12,
    scrollMargin: HEAD,
    scrollPaddingStart: HEAD,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  const [away, setAway] = useState(false);

  useEffect(() => virtual.measure(), [height, virtual]);
  useEffect(() => {
    if (props.more && last >= rows.length - 20) props.onEnd();
  });
  useEffect(() => {
    if (cursor >= 0) virtual.scrollToIndex(cursor);
  }, [cursor, virtual]);

  // Rows that come in on top: at the top they slide in; further down the view is held where it is.
  const before = useRef(added);
  useLayoutEffect(() => {
    const count = added - before.current;
    before.current = added;
    const box = scroll.current;
    if (count <= 0 || !box) return;
    if (box.scrollTop > height / 2) box.scrollTop += count * height;
    else if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
      const shift = `translateY(${-Math.min(count, 8) * height}px)`;
      canvas.current?.animate([{ transform: shift }, { transform: "none" }], {
        duration: 220,
        easing: "cubic-bezier(.2,.7,.2,1)",
      });
    }
  }, [added, height]);

  return (
    <div className={[s.grid, density === "tall" && s.tall, props.layout].filter(Boolean).join(" ")}>
      {away && (
        <div className={s.up}>
          <Button small onClick={() => scroll.current?.scrollTo({ top: 0 })}>
            <Icon name="up" size={12} /> Back to the newest
          </Button>
        </div>
      )}
      <div
        ref={scroll}
        id={props.id}
        className={s.scroll}
        role="grid"
        aria-label={props.label}
        aria-rowcount={props.more ? -1 : rows.length + 1}
        aria-busy={props.pending || props.stale}
        aria-activedescendant={cursor >= 0 && rows[cursor] ? `row-${rows[cursor].id}` : undefined}
        data-newest={rows[0]?.id}
        tabIndex={0}
        onScroll={(event) => setAway(event.currentTarget.scrollTop > 1_200)}
      >
        <div role="rowgroup" className={s.top}>
          <div role="row" className={s.head} aria-rowindex={1}>
            <div role="columnheader">
              <span className="sr">Status</span>
            </div>
            {props.heads.map(([title, name]) => (
              <div key={title} role="columnheader" className={`${s.cell} ${name ?? ""}`}>
                {title}
              </div>
            ))}
          </div>
        </div>
        <div
          ref={canvas}
          className={s.canvas}
          data-stale={props.stale}
          role="rowgroup"
          style={{ height: virtual.getTotalSize() }}
        >
          {items.map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            return (
              <div
                key={row.id}
                id={`row-${row.id}`}
                role="row"
                aria-rowindex={item.index + 2}
                aria-selected={row.id === open}
                data-id={row.id}
                data-cursor={item.index === cursor}
                data-new={item.index < added}
                className={s.row}
                style={{ height: item.size, transform: `translateY(${item.start - HEAD}px)` }}
                onClick={() => props.onOpen(row, item.index)}
              >
                {props.cells(row)}
              </div>
            );
          })}
        </div>
        {props.pending &&
          !rows.length &&
          Array.from({ length: 14 }, (_, n) => (
            <div key={n} className={s.foot} role="presentation">
              <Bone width={`${96 - ((n * 7) % 22)}%`} />
            </div>
          ))}
        {!props.pending && !rows.length && <div className={s.empty}>{props.empty}</div>}
        {rows.length > 0 && (
          <div className={s.foot} role="presentation">
            {props.more ? "Reading on…" : `All ${count(rows.length)} shown`}
          </div>
        )}
      </div>
    </div>
  );
}
