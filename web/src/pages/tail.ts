/** What the live tail brought: new rows newest first, and the newest state of rows that are shown already. */
import type { Row } from "../api/executions";

export interface Live {
  order: readonly string[];
  rows: ReadonlyMap<string, Row>;
}

export const nothingLive: Live = { order: [], rows: new Map() };
const MOST = 2_000;

/** Take in what came, oldest first; beyond a limit the oldest of the tail go. A closed row never reopens. */
export function merge(live: Live, came: readonly Row[]): Live {
  const rows = new Map(live.rows);
  const order = [...live.order];
  for (const row of came) {
    const known = rows.get(row.id);
    if (known && known.status !== "pending" && row.status === "pending") continue;
    if (!known) order.unshift(row.id);
    rows.set(row.id, row);
  }
  for (const id of order.splice(MOST)) rows.delete(id);
  return { order, rows };
}
