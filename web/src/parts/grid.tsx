/** The table of executions: only the rows in view exist; new ones on top never move what is being read. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import type { Row } from "../api/executions";
import { compact, count, gist, latency, moment, when } from "../format";
import { Bone, Button } from "./controls";
import s from "./grid.module.css";
import { Icon } from "./icon";
import { Status } from "./status";

export type Density = "dense" | "tall";
const HEAD = 32;
const HEIGHT: Record<Density, number> = { dense: 34, tall: 54 };

interface Props {
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

function Cells({ row, tall }: { row: Row; tall: boolean }) {
  const known = row.tokenIn !== null || row.tokenOut !== null;
  const answer = row.status === "error" ? gist(row.error) : gist(row.output);
  const cell = (name: string | undefined, content: ReactNode, title?: string) => (
    <div role="gridcell" className={`${s.cell} ${name ?? ""}`} title={title}>
      {content}
    </div>
  );
  return (
    <>
      {cell(undefined, <Status status={row.status} errorType={row.errorType} />)}
      {cell(
        s.quiet,
        <time dateTime={row.createdAt} title={moment(row.createdAt)}>
          {when(row.createdAt)}
        </time>,
      )}
      {cell(
        s.name,
        <>
          {row.promptName ?? <span className={s.quiet}>{tall ? "No prompt" : row.model}</span>}
          {row.promptVersion && <span className={s.version}>v{row.promptVersion.version}</span>}
          {tall && <span className={s.under}>{row.model}</span>}
        </>,
        row.promptName ?? undefined,
      )}
      {cell(`${s.quiet} ${s.model}`, row.model, `${row.provider} / ${row.model}`)}
      {cell(s.number, latency(row.latencyMs))}
      {cell(
        `${s.number} ${s.quiet} ${s.tokens}`,
        known ? `${compact(row.tokenIn ?? 0)} → ${compact(row.tokenOut ?? 0)}` : "–",
        known ? `${count(row.tokenIn ?? 0)} in, ${count(row.tokenOut ?? 0)} out` : undefined,
      )}
      {cell(
        s.number,
        row.cost.display ?? <span className={s.quiet}>{row.cost.state === "pending" ? "–" : row.cost.state}</span>,
      )}
      {cell(`${s.quiet} ${s.enduser}`, row.endUser)}
      {cell(`${s.quiet} ${s.service}`, row.service)}
      {tall ? (
        cell(
          s.preview,
          <>
            {gist(row.input)}
            <span className={s.under} data-status={row.status}>
              {answer}
            </span>
          </>,
        )
      ) : (
        <>
          {cell(`${s.quiet} ${s.preview}`, gist(row.input))}
          {cell(s.preview, <span data-status={row.status}>{answer}</span>)}
        </>
      )}
    </>
  );
}

const HEADS: readonly (readonly [string, string | undefined])[] = [
  ["Time", undefined],
  ["Prompt", undefined],
  ["Model", s.model],
  ["Latency", s.number],
  ["Tokens", `${s.number} ${s.tokens}`],
  ["Cost", s.number],
  ["End user", s.enduser],
  ["Service", s.service],
  ["Input", s.preview],
  ["Output", `${s.preview} ${s.output}`],
];

export function Grid(props: Props) {
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
    <div className={`${s.grid} ${density === "tall" ? s.tall : ""}`}>
      {away && (
        <div className={s.up}>
          <Button small onClick={() => scroll.current?.scrollTo({ top: 0 })}>
            <Icon name="up" size={12} /> Back to the newest
          </Button>
        </div>
      )}
      <div
        ref={scroll}
        id="executions"
        className={s.scroll}
        role="grid"
        aria-label="Executions"
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
            {HEADS.map(([title, name]) => (
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
                <Cells row={row} tall={density === "tall"} />
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
