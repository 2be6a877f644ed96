/** From the API's figures to what tiles and charts show. Days become weeks where there are too many to see. */
import type { Day, Overview } from "../api/overview";
import { amount, calendarDay, change, compact, count, dollars, latency, percent, readable, share } from "../format";
import type { Column, Series } from "../parts/columns";
import { Link } from "../parts/link";
import type { Tile } from "../parts/tile";
import type { ComponentProps } from "react";

export const ACTIVITY: readonly Series[] = [
  { name: "Failed", colour: "var(--data-bad)" },
  { name: "Succeeded", colour: "var(--data)" },
];
export const COST: readonly Series[] = [{ name: "Cost", colour: "var(--data-cost)" }];
const MOST_DAYS = 130;

interface Span<OneDay> {
  key: string;
  label: string;
  title: string;
  days: readonly OneDay[];
}
interface Counted {
  date: string;
  figures: Pick<Day["figures"], "success" | "error" | "pending">;
}

function spans<OneDay extends { date: string }>(daily: readonly OneDay[]): { unit: string; list: Span<OneDay>[] } {
  if (daily.length <= MOST_DAYS) {
    const list = daily.map((day) => ({
      key: day.date,
      label: calendarDay(day.date),
      title: calendarDay(day.date, true),
      days: [day],
    }));
    return { unit: "per day", list };
  }
  const list: Span<OneDay>[] = [];
  for (let end = daily.length; end > 0; end -= 7) {
    const days = daily.slice(Math.max(0, end - 7), end);
    const [first = "", last = ""] = [days[0]?.date, days.at(-1)?.date];
    list.unshift({
      key: `${first}/${last}`,
      label: calendarDay(first),
      title: `${calendarDay(first)} to ${calendarDay(last)}`,
      days,
    });
  }
  return { unit: "per week", list };
}

const total = <OneDay,>(days: readonly OneDay[], of: (day: OneDay) => number) =>
  days.reduce((sum, day) => sum + of(day), 0);
const spent = (days: readonly Day[]) => days.reduce((sum, day) => sum + amount(day.figures.cost.usd), 0n);

export function activity(daily: readonly Counted[]): {
  unit: string;
  columns: Column[];
  axis: (value: bigint) => string;
} {
  const { unit, list } = spans(daily);
  const columns = list.map(({ days, ...span }) => {
    const success = total(days, (day) => day.figures.success);
    const error = total(days, (day) => day.figures.error);
    const pending = total(days, (day) => day.figures.pending);
    const facts: [string, string][] = [
      ["Succeeded", count(success)],
      ["Failed", count(error)],
    ];
    if (pending) facts.push(["Pending", count(pending)]);
    return { ...span, amounts: [BigInt(error), BigInt(success)], facts };
  });
  return { unit, columns, axis: (value) => compact(Number(value)) };
}

export function costs(daily: readonly Day[]): { columns: Column[]; axis: (value: bigint) => string } {
  const columns = spans(daily).list.map(({ days, ...span }) => {
    const usd = spent(days);
    const only = days.length === 1 ? days[0]?.figures.cost.display : undefined;
    const facts: [string, string][] = [["Cost", only ?? readable(usd)]];
    const silent = total(days, (day) => day.figures.cost.unpriced + day.figures.cost.unknown);
    if (silent) facts.push(["Not counted", `${count(silent)} calls`]);
    return { ...span, amounts: [usd], facts };
  });
  return { columns, axis: dollars };
}

type TileProps = ComponentProps<typeof Tile>;

export function figures({ totals, previous, daily }: Overview, failed: string, uncounted: string): TileProps[] {
  const { cost } = totals;
  const tokens = totals.tokenIn + totals.tokenOut;
  const before = previous && previous.runs > 0 ? previous : null;
  const each = (of: (figures: Overview["totals"]) => number | null) => daily.map((day) => of(day.figures));
  const most = daily.reduce(
    (high, day) => (amount(day.figures.cost.usd) > high ? amount(day.figures.cost.usd) : high),
    0n,
  );
  const silent = [
    cost.unpriced && `${count(cost.unpriced)} unpriced`,
    cost.unknown && `${count(cost.unknown)} unknown`,
  ].filter(Boolean);
  const points =
    before && totals.successRate !== null && before.successRate !== null
      ? totals.successRate - before.successRate
      : null;
  return [
    {
      name: "executions",
      title: "Total executions",
      value: count(totals.runs),
      change: before && { by: change(totals.runs, before.runs), unit: "%", before: count(before.runs) },
      note: [
        daily.length > 0 && `${compact(Math.round(totals.runs / daily.length))} a day`,
        totals.calls !== totals.runs && `${count(totals.calls)} calls`,
        totals.pending > 0 && `${count(totals.pending)} pending`,
      ]
        .filter(Boolean)
        .join(" · "),
      course: each((day) => day.runs),
      colour: "var(--data)",
    },
    {
      name: "success",
      title: "Success rate",
      value: percent(totals.successRate),
      change: before && { by: points, unit: " pt", up: "good", before: percent(before.successRate) },
      note: totals.error ? <Link href={failed}>{count(totals.error)} failed</Link> : "None failed",
      course: each((day) => day.successRate),
      colour: "var(--data)",
    },
    {
      name: "latency",
      title: "Average latency",
      value: latency(totals.averageLatencyMs),
      change: before && {
        by: change(totals.averageLatencyMs, before.averageLatencyMs),
        unit: "%",
        up: "bad",
        before: latency(before.averageLatencyMs),
      },
      note: before && `${latency(before.averageLatencyMs)} before`,
      course: each((day) => day.averageLatencyMs),
      colour: "var(--data)",
    },
    {
      name: "tokens",
      title: "Tokens",
      value: compact(tokens),
      exact: count(tokens),
      change: before && {
        by: change(tokens, before.tokenIn + before.tokenOut),
        unit: "%",
        before: compact(before.tokenIn + before.tokenOut),
      },
      note: (
        <span title={`${count(totals.tokenIn)} in, ${count(totals.tokenOut)} out`}>
          <span data-figure="in">{compact(totals.tokenIn)}</span> in ·{" "}
          <span data-figure="out">{compact(totals.tokenOut)}</span> out
        </span>
      ),
      course: each((day) => day.tokenIn + day.tokenOut),
      colour: "var(--data)",
    },
    {
      name: "cost",
      title: "Cost",
      value: cost.display,
      exact: `$${cost.usd}`,
      change: before && {
        by: change(amount(cost.usd), amount(before.cost.usd)),
        unit: "%",
        before: before.cost.display,
      },
      note: silent.length ? (
        <Link
          href={uncounted}
          title="Not in this sum: calls without a price for their model (unpriced), and calls whose usage is not known (unknown)"
        >
          {silent.join(" · ")}
        </Link>
      ) : (
        "Every call priced"
      ),
      course: daily.map((day) => share(amount(day.figures.cost.usd), most)),
      colour: "var(--data-cost)",
    },
  ];
}
