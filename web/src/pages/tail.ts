/** What the live tail brought: new rows newest first, and the newest state of rows that are shown already. */
interface Known {
  id: string;
  status: string;
}

export interface Live<Row extends Known> {
  /** New rows that are shown. */
  order: readonly string[];
  /** New rows that wait, because the tail is off. */
  waiting: readonly string[];
  rows: ReadonlyMap<string, Row>;
}

export const nothingLive = { order: [], waiting: [], rows: new Map<string, never>() };
const MOST = 2_000;

/** Take in what came, oldest first; beyond a limit the oldest go. A closed row never reopens. */
export function merge<Row extends Known>(live: Live<Row>, came: readonly Row[], tailing: boolean): Live<Row> {
  const rows = new Map(live.rows);
  const fresh = tailing ? [...live.order] : [...live.waiting];
  for (const row of came) {
    const known = rows.get(row.id);
    if (known && known.status !== "pending" && row.status === "pending") continue;
    if (!known) fresh.unshift(row.id);
    rows.set(row.id, row);
  }
  for (const id of fresh.splice(MOST)) rows.delete(id);
  return tailing ? { ...live, order: fresh, rows } : { ...live, waiting: fresh, rows };
}

/** The tail is turned on: what waited is shown. */
export function release<Row extends Known>(live: Live<Row>): Live<Row> {
  return live.waiting.length ? { order: [...live.waiting, ...live.order], waiting: [], rows: live.rows } : live;
}
