/** A short table whose first column carries the row's share as a bar; a row leads to its executions. */
import type { ReactNode } from "react";
import { Link } from "./link";
import s from "./ranking.module.css";

export interface Ranked {
  key: string;
  name: ReactNode;
  title: string;
  href: string | null;
  share: number;
  cells: readonly ReactNode[];
}

export function Ranking(props: {
  label: string;
  heads: readonly { title: string; width: number }[];
  rows: readonly Ranked[];
  tone?: "bad";
  empty: string;
}) {
  if (!props.rows.length) return <p className={s.empty}>{props.empty}</p>;
  return (
    <div className={s.pad}>
      <table className={s.table} aria-label={props.label}>
        <thead>
          <tr>
            <th scope="col">
              <span className="sr">Name</span>
            </th>
            {props.heads.map((head) => (
              <th key={head.title} scope="col" style={{ width: head.width }}>
                {head.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => {
            const inner = (
              <>
                <span
                  className={s.bar}
                  data-tone={props.tone}
                  style={{ width: `${Math.max(1, row.share * 100)}%` }}
                  aria-hidden="true"
                />
                <span>{row.name}</span>
              </>
            );
            return (
              <tr key={row.key}>
                <th scope="row">
                  {row.href ? (
                    <Link className={`${s.name} clip`} href={row.href} title={row.title}>
                      {inner}
                    </Link>
                  ) : (
                    <span className={`${s.name} clip`}>{inner}</span>
                  )}
                </th>
                {row.cells.map((cell, index) => (
                  <td key={props.heads[index]?.title}>{cell}</td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
