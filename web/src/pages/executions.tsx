/** Executions: a filtered list that reads on as one scrolls, a live tail, and one execution in full beside it. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useAny, useExecutions, useSummary, useTail, useValues, type Filter, type Row } from "../api/executions";
import { download, type ExportFormat } from "../api/exporting";
import { useActivity } from "../api/overview";
import { queries } from "../api/queries";
import { useLoading, type Session } from "../api/session";
import { FIELDS, nothing, pick, toFilter, type Field } from "../filter";
import { compact, count, latency, localDate, percent } from "../format";
import { Columns, type Column } from "../parts/columns";
import { Button, IconButton, Notice } from "../parts/controls";
import { ExportMenu } from "../parts/exporting";
import { FilterBar } from "../parts/filterbar";
import { Grid, type Density } from "../parts/grid";
import { Cells, HEADS } from "../parts/rows";
import { adjust, useRoute } from "../route";
import { DetailPanel } from "./detail";
import s from "./executions.module.css";
import { ACTIVITY, activity } from "./figures";
import { merge, nothingLive, release, type Live } from "./tail";
import { typing } from "./shell";
import { Welcome } from "./welcome";

const DENSITY = "promptforge.density";

function useDensity() {
  const [density, setDensity] = useState<Density>(() => (localStorage.getItem(DENSITY) === "tall" ? "tall" : "dense"));
  useEffect(() => localStorage.setItem(DENSITY, density), [density]);
  return [density, () => setDensity(density === "tall" ? "dense" : "tall")] as const;
}

/** The rows that came in since the list was read; gathered for a moment, so that a flood is one change. */
function useLive(key: string, tailing: boolean, filter: ReturnType<typeof toFilter>, content: boolean) {
  const [live, setLive] = useState<Live<Row>>(nothingLive);
  const gathered = useRef<Row[]>([]);
  const on = useRef(tailing);
  useEffect(() => {
    gathered.current = [];
    setLive(nothingLive);
  }, [key]);
  useEffect(() => {
    on.current = tailing;
    if (tailing) setLive(release<Row>);
  }, [tailing]);
  useTail(filter, content, (row) => {
    gathered.current.push(row);
    if (gathered.current.length > 1) return;
    setTimeout(() => {
      const rows = gathered.current;
      gathered.current = [];
      setLive((now) => merge(now, rows, on.current));
    }, 200);
  });
  return [live, () => setLive(nothingLive)] as const;
}

export function Executions({ session }: { session: Session }) {
  const { params } = useRoute();
  const content = session.me.permissions.includes("content");
  const key = JSON.stringify(pick(params));
  const found = useMemo(() => JSON.parse(key) as Record<string, string[]>, [key]);
  const filter = useMemo(() => toFilter(found, Math.floor(Date.now() / 60_000) * 60_000), [found]);
  const tailing = params.get("live") === "1";
  const open = params.get("id");

  const list = useExecutions(filter, content);
  const summary = useSummary(filter);
  const always = useMemo(() => toFilter({ ...found, range: [], from: [], to: [] }, 0), [found]);
  const course = useSummary(always);
  const [live, forget] = useLive(key, tailing, filter, content);
  const loading = useLoading();
  const any = useAny();
  const [opened, setOpened] = useState<Field | null>(null);
  const values = useValues(opened?.values ?? null);
  const [density, toggleDensity] = useDensity();
  const [cursor, setCursor] = useState<string | null>(open);
  const [refusal, setRefusal] = useState<string | null>(null);
  useActivity(tailing ? ["summary", "any"] : ["any"], 5_000);

  const read = list.data?.pages.flatMap((page) => page.executions) ?? [];
  const there = new Set(read.map((row) => row.id));
  const horizon = list.hasNextPage ? (read.at(-1)?.createdAt ?? "") : "";
  const fresh = live.order
    .flatMap((id) => live.rows.get(id) ?? [])
    .filter((row) => !there.has(row.id) && row.createdAt >= horizon)
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  const rows = [...fresh, ...read.map((row) => live.rows.get(row.id) ?? row)];
  const at = rows.findIndex((row) => row.id === cursor);

  const waiting = live.waiting.filter((id) => !there.has(id)).length;
  const refresh = () => {
    forget();
    void queries.resetQueries({ queryKey: ["executions"] });
    void queries.invalidateQueries({ queryKey: ["summary"] });
  };
  const show = useCallback((id: string | null) => adjust({ id }, true), []);
  const close = useCallback(() => {
    show(null);
    document.getElementById("executions")?.focus();
  }, [show]);
  const exported = (format: ExportFormat, withContent: boolean) => {
    setRefusal(null);
    download(filter, format, withContent).catch((error: Error) => setRefusal(error.message));
  };
  useKeyboard({ rows, at, open, setCursor, show, close, tailing, toggleDensity });

  if (any === false && !loading) return <Welcome session={session} />;
  return (
    <div className={s.page}>
      <div className={s.list}>
        <div className={s.head}>
          <h1>Executions</h1>
          {summary.data && (
            <p className={s.summary}>
              <span>
                <b>{count(summary.data.totals.calls)}</b> {summary.data.totals.calls === 1 ? "call" : "calls"}
              </span>
              {summary.data.totals.calls > 0 && (
                <>
                  <span>
                    <b>{percent(summary.data.totals.successRate)}</b> succeeded
                  </span>
                  <span>
                    <b>{latency(summary.data.totals.averageLatencyMs)}</b> on average
                  </span>
                  <span>
                    <b>{summary.data.totals.cost.display}</b>
                  </span>
                </>
              )}
            </p>
          )}
          <div className={s.tools}>
            <Button
              look={tailing ? "on" : undefined}
              aria-pressed={tailing}
              onClick={() => adjust({ live: tailing ? null : "1" }, true)}
            >
              <span className={s.beat} data-on={tailing} aria-hidden="true" />
              Live tail
            </Button>
            {!tailing && (
              <Button look={waiting ? "on" : undefined} onClick={refresh} disabled={list.isFetching}>
                {waiting ? `${compact(waiting)} new` : "Refresh"}
              </Button>
            )}
            <ExportMenu content={content} onExport={exported} />
            <IconButton
              icon={density === "tall" ? "dense" : "rows"}
              label={density === "tall" ? "Dense rows" : "Tall rows"}
              onClick={toggleDensity}
            />
          </div>
        </div>
        <FilterBar
          fields={FIELDS}
          found={found}
          options={(field) => (field.name === opened?.name ? values.data : undefined)}
          onOpen={setOpened}
          onChange={adjust}
          onClear={() => adjust(nothing())}
        />
        {course.isPending ? (
          <div className={s.course} />
        ) : (
          course.data && course.data.daily.length > 2 && <Course days={course.data.daily} filter={filter} />
        )}
        {refusal && (
          <div className={s.problem}>
            <Notice title="Nothing was exported" text={refusal} />
          </div>
        )}
        {list.error && (
          <div className={s.problem}>
            <Notice
              title="The executions could not be read"
              text={list.error.message}
              onRetry={() => void list.refetch()}
            />
          </div>
        )}
        <Grid
          id="executions"
          label="Executions"
          heads={HEADS}
          cells={(row) => <Cells row={row} tall={density === "tall"} />}
          rows={rows}
          added={fresh.length}
          density={density}
          cursor={at}
          open={open}
          pending={list.isPending}
          stale={list.isPlaceholderData}
          more={list.hasNextPage}
          onOpen={(row) => {
            setCursor(row.id);
            show(row.id);
          }}
          onEnd={() => {
            if (!list.isFetching && !list.isFetchNextPageError) void list.fetchNextPage();
          }}
          empty={
            <>
              <h2>No execution fits</h2>
              <p>
                {Object.keys(found).length
                  ? "Nothing was recorded that all of these filters let through."
                  : "Nothing was recorded yet."}
              </p>
              {Object.keys(found).length > 0 && <Button onClick={() => adjust(nothing())}>Clear all filters</Button>}
            </>
          }
        />
      </div>
      {open && (
        <DetailPanel
          id={open}
          content={content}
          onClose={close}
          onStep={(by) => {
            const next = rows[rows.findIndex((row) => row.id === open) + by];
            if (!next) return;
            setCursor(next.id);
            show(next.id);
          }}
        />
      )}
    </div>
  );
}

/** The course of what is filtered over all time; a day that is opened becomes the time range. */
function Course({ days, filter }: { days: Parameters<typeof activity>[0]; filter: Filter }) {
  const { columns, axis } = activity(days);
  const [from, to] = [localDate(filter.createdFrom), localDate(filter.createdBefore)];
  const first = (column: Column) => column.key.split("/")[0] ?? "";
  const last = (column: Column) => column.key.split("/").at(-1) ?? "";
  return (
    <div className={s.course}>
      <Columns
        strip
        label="Executions over time"
        series={ACTIVITY}
        columns={columns}
        axis={axis}
        faint={(column) => (from !== null && last(column) < from) || (to !== null && first(column) >= to)}
        onOpen={(column) => adjust({ range: null, from: first(column), to: last(column) })}
      />
    </div>
  );
}

interface Board {
  rows: readonly Row[];
  at: number;
  open: string | null;
  tailing: boolean;
  setCursor: (id: string) => void;
  show: (id: string | null) => void;
  close: () => void;
  toggleDensity: () => void;
}

/** The page's keys; see the help. */
function useKeyboard(board: Board): void {
  const latest = useRef(board);
  useEffect(() => {
    latest.current = board;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { rows, at, open, tailing, setCursor, show, close, toggleDensity } = latest.current;
      if (typing(event) || event.defaultPrevented) return;
      const target = event.target as HTMLElement;
      const elsewhere = target.closest("aside, [role=dialog], button, a") !== null;
      const step = (by: number) => {
        const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
        if (!next) return;
        event.preventDefault();
        setCursor(next.id);
        if (open) show(next.id);
      };
      const current = rows[at];
      if (event.key === "j" || (event.key === "ArrowDown" && !elsewhere)) step(1);
      else if (event.key === "k" || (event.key === "ArrowUp" && !elsewhere)) step(-1);
      else if (event.key === "PageDown" && !elsewhere) step(20);
      else if (event.key === "PageUp" && !elsewhere) step(-20);
      else if (event.key === "Enter" && !elsewhere && current) show(current.id);
      else if (event.key === "Escape" && open) close();
      else if (event.key === "l") adjust({ live: tailing ? null : "1" }, true);
      else if (event.key === "d") toggleDensity();
      else if (event.key === "/") {
        event.preventDefault();
        document.getElementById("search")?.focus();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}
