/** The columns of the list of executions. */
import type { ReactNode } from "react";
import type { Row } from "../api/executions";
import { compact, count, gist, latency, moment, when } from "../format";
import { Cell, type Head } from "./grid";
import s from "./grid.module.css";
import { Captured } from "./source";
import { Status } from "./status";

export function Cells({ row, tall }: { row: Row; tall: boolean }) {
  const about = row.usageSource === "estimated" ? "≈ " : "";
  const known = row.tokenIn !== null || row.tokenOut !== null;
  const answer = row.status === "error" ? gist(row.error) : gist(row.output);
  const cell = (name: string | undefined, content: ReactNode, title?: string) => (
    <Cell name={name} {...(title === undefined ? {} : { title })}>
      {content}
    </Cell>
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
          <Captured source={row.source} />
          {tall && <span className={s.under}>{row.model}</span>}
        </>,
        row.promptName ?? undefined,
      )}
      {cell(`${s.quiet} ${s.model}`, row.model, `${row.provider} / ${row.model}`)}
      {cell(s.number, latency(row.latencyMs))}
      {cell(
        `${s.number} ${s.quiet} ${s.tokens}`,
        known ? `${about}${compact(row.tokenIn ?? 0)} → ${compact(row.tokenOut ?? 0)}` : "–",
        known ? `${count(row.tokenIn ?? 0)} in, ${count(row.tokenOut ?? 0)} out${about && ", estimated"}` : undefined,
      )}
      {cell(
        s.number,
        row.cost.display ? `${about}${row.cost.display}` : <span className={s.quiet}>{row.cost.state === "pending" ? "–" : row.cost.state}</span>,
        about && row.cost.display ? "Estimated: the provider reported no usage" : undefined,
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

export const HEADS: readonly Head[] = [
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
