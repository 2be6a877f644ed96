/** The first rows of a CSV or JSON lines file, as text, so that people see what they are about to send. */

export type Format = "csv" | "jsonl";
export interface Table {
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

/** What the file's name says that it holds; null when it says nothing. */
export function formatOf(name: string): Format | null {
  const end = name.toLowerCase().split(".").at(-1);
  return end === "csv" ? "csv" : end === "jsonl" || end === "ndjson" ? "jsonl" : null;
}

/** At most *most* rows of a file's beginning; *whole* says that the text is all of the file. */
export function table(text: string, format: Format, most: number, whole: boolean): Table {
  const rows = format === "csv" ? cells(text, most + 1, whole) : null;
  if (rows) return { columns: rows[0] ?? [], rows: rows.slice(1) };
  const lines = text.split("\n");
  if (!whole) lines.pop();
  const found = lines.filter((line) => line.trim()).slice(0, most).map(fields);
  const columns = [...new Set(found.flatMap((one) => Object.keys(one)))];
  return { columns, rows: found.map((one) => columns.map((name) => shown(one[name]))) };
}

function fields(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return value !== null && typeof value === "object" && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

const shown = (value: unknown): string =>
  value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);

/** Rows of CSV: quotes, doubled quotes, commas and line breaks inside quotes. A row that is cut off is left out. */
function cells(text: string, most: number, whole: boolean): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const source = text.startsWith("\ufeff") ? text.slice(1) : text;
  for (let at = 0; at < source.length && rows.length < most; at++) {
    const letter = source[at];
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (source[at + 1] === '"') cell += source[++at];
      else quoted = false;
    } else if (letter === '"' && cell === "") quoted = true;
    else if (letter === ",") {
      row.push(cell);
      cell = "";
    } else if (letter === "\n") {
      row.push(cell.replace(/\r$/, ""));
      if (row.length > 1 || row[0]) rows.push(row);
      [row, cell] = [[], ""];
    } else cell += letter;
  }
  if (whole && rows.length < most && (row.length || cell)) rows.push([...row, cell]);
  return rows;
}
