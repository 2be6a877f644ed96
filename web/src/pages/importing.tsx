/** Import: a file of executions that ran elsewhere, looked at here before it is sent. */
import { useRef, useState, type DragEvent, type ReactNode } from "react";
import { upload, type Progress, type Rejected } from "../api/importing";
import { queries } from "../api/queries";
import { count } from "../format";
import { Button, Notice } from "../parts/controls";
import { Link } from "../parts/link";
import { href } from "../route";
import { formatOf, table, type Format, type Table } from "../table";
import s from "./importing.module.css";
import { Choice, guess, Mapping, pairs, Text } from "./mapping";
import page from "./overview.module.css";

/** What the preview reads of a file, and shows of it. */
const BEGINNING = 256 * 1024;
const ROWS = 8;

interface Preset {
  name: string;
  title: string;
  /** The columns by which a file of this kind is known. */
  columns: readonly string[];
}
const PRESETS: readonly Preset[] = [
  { name: "azure-llm", title: "Azure LLM trace", columns: ["TIMESTAMP", "ContextTokens", "GeneratedTokens"] },
  { name: "export", title: "Prompt Forge export", columns: ["id", "createdAt", "source", "costState"] },
  { name: "openai-jsonl", title: "OpenAI completions", columns: ["id", "created", "model", "choices"] },
];
const AS_NAMED = "";
const BY_COLUMN = "map";
interface Chosen {
  file: File;
  format: Format;
  preview: Table;
}

async function chosen(file: File): Promise<Chosen> {
  const format = formatOf(file.name);
  if (!format) throw new Error(`The name “${file.name}” should end in .csv, .jsonl or .ndjson.`);
  const text = await file.slice(0, BEGINNING).text();
  const preview = table(text, format, ROWS, file.size <= BEGINNING);
  if (!preview.columns.length) throw new Error(`“${file.name}” holds no row that can be read.`);
  return { file, format, preview };
}

/** How a file with these columns is read unless somebody chooses otherwise. */
function kindOf(columns: readonly string[]): string {
  const preset = PRESETS.find((one) => one.columns.every((column) => columns.includes(column)));
  return preset?.name ?? (columns.includes("createdAt") ? AS_NAMED : BY_COLUMN);
}

export function Import() {
  const [what, setWhat] = useState<Chosen | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const choose = (file: File | undefined) => {
    if (!file) return;
    setProblem(null);
    chosen(file).then(setWhat, (error: Error) => setProblem(error.message));
  };
  return (
    <div className={page.page}>
      <div className={page.head}>
        <h1>Import</h1>
      </div>
      <div className={page.body}>
        {problem && <Notice title="That file cannot be imported" text={problem} />}
        <Drop what={what} onChoose={choose} />
        {what && <Sending key={`${what.file.name} ${what.file.lastModified} ${what.file.size}`} what={what} />}
      </div>
    </div>
  );
}

function Drop({ what, onChoose }: { what: Chosen | null; onChoose: (file: File | undefined) => void }) {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    onChoose(event.dataTransfer.files[0]);
  };
  return (
    <div
      className={s.drop}
      data-over={over}
      onDragOver={(event) => (event.preventDefault(), setOver(true))}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {what ? <b>{what.file.name}</b> : <b>Drop a CSV or JSON lines file of executions here</b>}
      <p>The same file twice, or in parts, is stored once.</p>
      <Button onClick={() => input.current?.click()}>{what ? "Choose another file" : "Choose a file"}</Button>
      <input
        ref={input}
        hidden
        type="file"
        accept=".csv,.jsonl,.ndjson"
        aria-label="File of executions"
        onChange={(event) => onChoose(event.target.files?.[0])}
      />
    </div>
  );
}

function Sending({ what }: { what: Chosen }) {
  const { columns } = what.preview;
  const [kind, setKind] = useState(() => kindOf(columns));
  const [mapped, setMapped] = useState(() => guess(columns));
  const [model, setModel] = useState("");
  const [provider, setProvider] = useState("");
  const [progress, setProgress] = useState<Progress | null>(null);
  const [state, setState] = useState<"ready" | "running" | "done">("ready");
  const [problem, setProblem] = useState<string | null>(null);
  const stop = useRef<AbortController | null>(null);
  const send = async () => {
    stop.current = new AbortController();
    setState("running");
    setProblem(null);
    try {
      const preset = PRESETS.find((one) => one.name === kind)?.name ?? null;
      const map = kind === BY_COLUMN ? pairs(mapped) : [];
      const constants = { model: model.trim(), provider: provider.trim() };
      await upload({ ...what, ...constants, map, preset }, setProgress, stop.current.signal);
      setState("done");
    } catch (error) {
      setState("ready");
      if ((error as Error).name !== "AbortError") setProblem((error as Error).message);
    }
    void queries.invalidateQueries();
  };
  const running = state === "running";
  return (
    <>
      <Card title="What the columns mean">
        <div className={s.fields}>
          <Choice label="Preset" value={kind} onChange={setKind}>
            <option value={AS_NAMED}>Columns are named like the fields</option>
            <option value={BY_COLUMN}>Choose column by column</option>
            {PRESETS.map((one) => (
              <option key={one.name} value={one.name}>
                {one.title}
              </option>
            ))}
          </Choice>
          <Text label="Model, where no column says" value={model} onChange={setModel} />
          <Text label="Provider, where no column says" value={provider} onChange={setProvider} />
        </div>
        {kind === BY_COLUMN && <Mapping columns={columns} mapped={mapped} onChange={setMapped} />}
        <div className={s.row}>
          <Button look="primary" disabled={running} onClick={() => void send()}>
            Import
          </Button>
          {running && <Button onClick={() => stop.current?.abort()}>Stop</Button>}
        </div>
      </Card>
      {problem && <Notice title="The import stopped" text={problem} onRetry={() => void send()} />}
      {progress && <Outcome progress={progress} size={what.file.size} done={state === "done"} />}
      <Card title="The first rows">
        <Rows label="The first rows" heads={columns} rows={what.preview.rows} />
      </Card>
    </>
  );
}

function Outcome({ progress, size, done }: { progress: Progress; size: number; done: boolean }) {
  const share = done || !size ? 1 : Math.min(1, progress.sent / size);
  return (
    <Card title={done ? "Imported" : "Importing"}>
      <div
        className={s.bar}
        role="progressbar"
        aria-label="Import"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
      >
        <i style={{ transform: `scaleX(${share})` }} />
      </div>
      <p className={s.row} role="status">
        {(["received", "stored", "duplicate", "rejected"] as const).map((name) => (
          <span key={name}>
            <b>{count(progress[name])}</b> {name}
          </span>
        ))}
        {done && <Link href={href("/executions", { source: "import" })}>Show the imported executions</Link>}
      </p>
      {progress.problems.length > 0 && (
        <Rows label="Rejected lines" heads={["Line", "Why"]} rows={progress.problems.map(reason)} />
      )}
    </Card>
  );
}

const reason = ({ line, message }: Rejected) => [line === null ? "–" : count(line), message];

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={page.card} aria-label={title}>
      <div className={page.cardHead}>
        <h2>{title}</h2>
      </div>
      <div className={s.inner}>{children}</div>
    </section>
  );
}

function Rows(props: { label: string; heads: readonly string[]; rows: readonly (readonly string[])[] }) {
  return (
    <div className={s.wide} tabIndex={0} role="group" aria-label={`${props.label}, scrolls sideways`}>
      <table className={s.table} aria-label={props.label}>
        <thead>
          <tr>
            {props.heads.map((head, n) => (
              <th key={n} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row, n) => (
            <tr key={n}>
              {row.map((cell, m) => (
                <td key={m} className="clip" title={cell.slice(0, 1_000)}>
                  {cell.slice(0, 200)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
