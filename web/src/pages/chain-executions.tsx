/** Chain executions: a filtered list that reads on as one scrolls, to which what runs now adds itself. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useAnyChain, useChainExecutions, useChainTail, type ChainFilter, type ChainRow } from "../api/chain-executions";
import { useSummary, useValues } from "../api/executions";
import { useActivity } from "../api/overview";
import type { Session } from "../api/session";
import { CHAIN_FIELDS, nothing, pick, toChainFilter, toRunFilter, type Field } from "../filter";
import { count, latency, percent } from "../format";
import { CHAIN_HEADS, ChainCells } from "../parts/chain-rows";
import { Button, Notice } from "../parts/controls";
import { FilterBar } from "../parts/filterbar";
import { Grid } from "../parts/grid";
import chains from "../parts/chains.module.css";
import { adjust, useRoute } from "../route";
import { ChainExecutionPage } from "./chain-execution";
import s from "./executions.module.css";
import { typing } from "./shell";
import { merge, nothingLive, type Live } from "./tail";

/** With these alone the calls of the runs are known too, and so what they cost together. */
const OF_CALLS = new Set(["chain", "range", "from", "to"]);

export function ChainExecutions({ session }: { session: Session }) {
  const { params } = useRoute();
  const content = session.me.permissions.includes("content");
  const open = params.get("id");
  return open ? (
    <ChainExecutionPage key={open} id={open} permissions={session.me.permissions} />
  ) : (
    <List params={params} content={content} />
  );
}

/** What came in since the list was read; gathered for a moment, so that a flood is one change. */
function useLive(key: string, filter: ChainFilter, content: boolean): Live<ChainRow> {
  const [live, setLive] = useState<Live<ChainRow>>(nothingLive);
  const gathered = useRef<ChainRow[]>([]);
  useEffect(() => {
    gathered.current = [];
    setLive(nothingLive);
  }, [key]);
  useChainTail(filter, content, (row) => {
    gathered.current.push(row);
    if (gathered.current.length > 1) return;
    setTimeout(() => {
      const rows = gathered.current;
      gathered.current = [];
      setLive((now) => merge(now, rows, true));
    }, 200);
  });
  return live;
}

function List({ params, content }: { params: URLSearchParams; content: boolean }) {
  const key = JSON.stringify(pick(params, CHAIN_FIELDS));
  const found = useMemo(() => JSON.parse(key) as Record<string, string[]>, [key]);
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  const filter = useMemo(() => toChainFilter(found, minute), [found, minute]);
  const list = useChainExecutions(filter, content);
  const summary = useSummary(useMemo(() => toRunFilter(found, minute), [found, minute]));
  const live = useLive(key, filter, content);
  const any = useAnyChain();
  const [opened, setOpened] = useState<Field | null>(null);
  const values = useValues(opened?.values ?? null);
  const [cursor, setCursor] = useState<string | null>(null);
  useActivity(["summary", "any-chain"], 3_000);

  const read = list.data?.pages.flatMap((page) => page.chainExecutions) ?? [];
  const there = new Set(read.map((row) => row.id));
  const horizon = list.hasNextPage ? (read.at(-1)?.createdAt ?? "") : "";
  const fresh = live.order
    .flatMap((id) => live.rows.get(id) ?? [])
    .filter((row) => !there.has(row.id) && row.createdAt >= horizon)
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  const rows = [...fresh, ...read.map((row) => live.rows.get(row.id) ?? row)];
  const at = rows.findIndex((row) => row.id === cursor);
  const show = useCallback((id: string) => adjust({ id }), []);
  useKeys(rows, at, setCursor, show);

  const totals = summary.data?.totals;
  const whole = Object.keys(found).every((name) => OF_CALLS.has(name));
  return (
    <div className={s.page}>
      <div className={s.list}>
        <div className={s.head}>
          <h1>Chain executions</h1>
          {totals && (
            <p className={s.summary}>
              <span>
                <b>{count(totals.runs)}</b> {totals.runs === 1 ? "run" : "runs"}
              </span>
              {totals.runs > 0 && (
                <>
                  <span>
                    <b>{percent(totals.successRate)}</b> succeeded
                  </span>
                  <span>
                    <b>{latency(totals.averageLatencyMs)}</b> on average
                  </span>
                  {whole && (
                    <span>
                      <b>{totals.cost.display}</b>
                    </span>
                  )}
                </>
              )}
            </p>
          )}
        </div>
        <FilterBar
          fields={CHAIN_FIELDS}
          found={found}
          options={(field) => (field.name === opened?.name ? values.data : undefined)}
          onOpen={setOpened}
          onChange={adjust}
          onClear={() => adjust(nothing(CHAIN_FIELDS))}
        />
        {list.error && (
          <div className={s.problem}>
            <Notice
              title="The chain executions could not be read"
              text={list.error.message}
              onRetry={() => void list.refetch()}
            />
          </div>
        )}
        <Grid
          id="chain-executions"
          label="Chain executions"
          heads={CHAIN_HEADS}
          cells={(row) => <ChainCells row={row} />}
          layout={chains.rows}
          rows={rows}
          added={fresh.length}
          density="dense"
          cursor={at}
          open={null}
          pending={list.isPending}
          stale={list.isPlaceholderData}
          more={list.hasNextPage}
          onOpen={(row) => show(row.id)}
          onEnd={() => {
            if (!list.isFetching && !list.isFetchNextPageError) void list.fetchNextPage();
          }}
          empty={
            any === false ? (
              <>
                <h2>No chain has run yet</h2>
                <p>What runs is listed here as it happens, with every step, its time and its cost.</p>
              </>
            ) : (
              <>
                <h2>No chain execution fits</h2>
                {Object.keys(found).length > 0 && (
                  <Button onClick={() => adjust(nothing(CHAIN_FIELDS))}>Clear all filters</Button>
                )}
              </>
            )
          }
        />
      </div>
    </div>
  );
}

function useKeys(
  rows: readonly ChainRow[],
  at: number,
  setCursor: (id: string) => void,
  show: (id: string) => void,
): void {
  const latest = useRef({ rows, at });
  useEffect(() => {
    latest.current = { rows, at };
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (typing(event) || event.defaultPrevented) return;
      const { rows, at } = latest.current;
      const elsewhere = (event.target as HTMLElement).closest("[role=dialog], button, a") !== null;
      const step = (by: number) => {
        const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
        if (!next) return;
        event.preventDefault();
        setCursor(next.id);
      };
      const current = rows[at];
      if (event.key === "j" || (event.key === "ArrowDown" && !elsewhere)) step(1);
      else if (event.key === "k" || (event.key === "ArrowUp" && !elsewhere)) step(-1);
      else if (event.key === "Enter" && !elsewhere && current) show(current.id);
      else if (event.key === "/") {
        event.preventDefault();
        document.getElementById("search")?.focus();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [setCursor, show]);
}
