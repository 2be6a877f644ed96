/** The columns of the list of chain executions; each row shows its course as small bars. */
import type { ChainRow } from "../api/chain-executions";
import { compact, count, gist, latency, moment, when } from "../format";
import { Cell, type Head } from "./grid";
import s from "./grid.module.css";
import c from "./chains.module.css";
import { Captured } from "./source";
import { Status } from "./status";

export const CHAIN_HEADS: readonly Head[] = [
  ["Time", undefined],
  ["Chain", undefined],
  ["Course", c.course],
  ["Steps", s.number],
  ["Duration", s.number],
  ["Tokens", `${s.number} ${c.tokens}`],
  ["Cost", s.number],
  ["End user", c.who],
  ["Input", s.preview],
  ["Output", s.preview],
];

const COST: Record<string, string> = {
  pending: "So far",
  unknown: "At least: what one of its calls used is not known",
  unpriced: "At least: there is no price for one of its calls",
};

/** Where the steps lie in time, without words: each on a line of its own. */
function Course({ row }: { row: ChainRow }) {
  const whole = Math.max(1, row.latencyMs ?? 0, ...row.steps.map((step) => step.offsetMs + step.latencyMs));
  const steps = row.steps.slice(0, 40);
  return (
    <span className={c.strip} aria-hidden="true">
      {steps.map((step, n) => (
        <i
          key={n}
          data-status={step.status}
          data-critical={step.critical}
          style={{
            left: `${(step.offsetMs / whole) * 100}%`,
            width: `${(step.latencyMs / whole) * 100}%`,
            top: `${(n / steps.length) * 100}%`,
            height: `${Math.min(100 / steps.length, 30)}%`,
          }}
        />
      ))}
    </span>
  );
}

export function ChainCells({ row }: { row: ChainRow }) {
  const tokens = row.tokenIn + row.tokenOut > 0;
  return (
    <>
      <Cell>
        <Status status={row.status} errorType={row.errorType} />
      </Cell>
      <Cell name={s.quiet}>
        <time dateTime={row.createdAt} title={moment(row.createdAt)}>
          {when(row.createdAt)}
        </time>
      </Cell>
      <Cell name={s.name} title={row.chainName ?? ""}>
        {row.chainName ?? <span className={s.quiet}>Captured</span>}
        {row.version !== null && <span className={s.version}>v{row.version}</span>}
        <Captured source={row.source} />
        {row.forkedFrom && <span className={s.version}>fork</span>}
      </Cell>
      <Cell name={c.course}>
        <Course row={row} />
      </Cell>
      <Cell name={s.number}>{row.stepCount}</Cell>
      <Cell name={s.number}>{latency(row.latencyMs)}</Cell>
      <Cell
        name={`${s.number} ${s.quiet} ${c.tokens}`}
        title={`${count(row.tokenIn)} in, ${count(row.tokenOut)} out`}
      >
        {tokens ? `${compact(row.tokenIn)} → ${compact(row.tokenOut)}` : "–"}
      </Cell>
      <Cell name={s.number} title={COST[row.cost.state] ?? ""}>
        {row.cost.display}
        {(row.cost.state === "unknown" || row.cost.state === "unpriced") && "+"}
      </Cell>
      <Cell name={`${s.quiet} ${c.who}`}>{row.endUser}</Cell>
      <Cell name={`${s.quiet} ${s.preview}`}>{gist(row.input)}</Cell>
      <Cell name={s.preview}>
        <span data-status={row.status}>{row.status === "error" ? gist(row.error) : gist(row.output)}</span>
      </Cell>
    </>
  );
}
