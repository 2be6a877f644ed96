/** The playground: texts, models and parameters beside each other, run with the same variables, and what comes of it. */
import { useEffect, useMemo, useRef, useState } from "react";
import { fetchBase, fetchOrigin } from "../api/playground";
import { useActivity } from "../api/overview";
import type { Session } from "../api/session";
import { words } from "../format";
import { object } from "../json";
import { reopened } from "../origin";
import { Button, IconButton, Key, Notice, Segments } from "../parts/controls";
import d from "../parts/detail.module.css";
import { Editor } from "../parts/editor";
import { Icon } from "../parts/icon";
import { Link } from "../parts/link";
import { lowest, type Live } from "../parts/outcome";
import s from "../parts/playground.module.css";
import { VariableFields } from "../parts/variables";
import {
  blank,
  column,
  copied,
  hindrance,
  input,
  keep,
  kept,
  MOST,
  variablesOf,
  type Column,
  type Work,
} from "../playground";
import { adjust, href, useRoute } from "../route";
import { blamed, merged, problem, type Values, type Variable } from "../variables";
import { ColumnView } from "./playground-column";
import { useRuns, type Runs } from "./playground-runs";
import { SaveDialog } from "./playground-save";

const LETTERS = "ABCD";

interface Undo {
  work: Work;
  said: string;
}

export function Playground({ session }: { session: Session }) {
  if (!session.me.permissions.includes("run") || !session.me.permissions.includes("content"))
    return (
      <div className={s.page}>
        <h1>Playground</h1>
        <p className="muted">Your role may not run prompts. An administrator of this workspace can change that.</p>
      </div>
    );
  return <Board key={session.workspace.id} session={session} />;
}

function Board({ session }: { session: Session }) {
  const workspace = session.workspace.id;
  const [work, setWork] = useState<Work>(() => kept(workspace) ?? { columns: [blank()], values: {} });
  const [undo, setUndo] = useState<Undo | null>(null);
  const [strict, setStrict] = useState(false);
  /** What the last run was given: what it was told of its variables holds as long as they are the same. */
  const [ranWith, setRanWith] = useState<Values | null>(null);
  const [saving, setSaving] = useState<string | null>(null);
  useEffect(() => keep(workspace, work), [workspace, work]);
  useActivity(["outcome"], 1_000); // and the connection is there before the first run

  const change = (key: string, next: (one: Column) => Column) =>
    setWork((now) => ({ ...now, columns: now.columns.map((one) => (one.key === key ? next(one) : one)) }));
  const runs = useRuns((key, id) => change(key, (one) => ({ ...one, run: id })));
  const replace = (next: Work, said: string) => {
    setUndo({ work, said });
    setWork(next);
    setStrict(false);
  };
  const opening = useOpening(work, replace);

  const list = useMemo(() => merged(work.columns.map(variablesOf)), [work.columns]);
  const wrong = list.filter((one) => problem(one, work.values[one.name]) !== null);
  const run = (keys: readonly string[]) => {
    const chosen = work.columns.filter((one) => keys.includes(one.key));
    setStrict(true);
    setRanWith(work.values);
    for (const one of chosen) {
      const own = new Set(variablesOf(one).map((variable) => variable.name));
      if (hindrance(one) || wrong.some((variable) => own.has(variable.name))) continue;
      runs.start(one.key, input(one, work.values));
    }
    // once the page shows which
    if (wrong.length)
      setTimeout(() => document.querySelector<HTMLElement>(`.${s.variables} [aria-invalid=true]`)?.focus());
  };
  const runAll = () => run(work.columns.map((one) => one.key));
  useRunKey(runAll);

  const best = useMemo(() => lowest(runs.lives), [runs.lives]);
  const busy = work.columns.filter((one) => runs.lives[one.key]?.busy);
  const saved = work.columns.find((one) => one.key === saving);
  return (
    <div className={s.page}>
      <header className={s.bar}>
        <h1>Playground</h1>
        <Link className={d.link} href={href("/executions", { tag: "playground" })}>
          What ran here
        </Link>
        <span className={s.tools}>
          <Button
            look="quiet"
            onClick={() => {
              for (const one of work.columns) runs.forget(one.key);
              replace({ columns: [blank()], values: {} }, "The playground was cleared.");
            }}
          >
            Clear
          </Button>
          <Button
            disabled={work.columns.length >= MOST}
            title={work.columns.length >= MOST ? `At most ${MOST} columns` : undefined}
            onClick={() => setWork({ ...work, columns: [...work.columns, copied(work.columns.at(-1) ?? blank())] })}
          >
            <Icon name="plus" size={12} /> Column
          </Button>
          {busy.length > 0 && (
            <Button onClick={() => busy.forEach((one) => runs.stop(one.key))}>
              <Icon name="stop" size={12} /> Stop all
            </Button>
          )}
          <Button look="primary" onClick={runAll}>
            <Icon name="play" size={12} /> {work.columns.length > 1 ? "Run all" : "Run"}
            <span className={s.shortcut} aria-hidden="true">
              <Key>Ctrl</Key> <Key>Enter</Key>
            </span>
          </Button>
        </span>
      </header>
      {undo && (
        <p className={s.undo} role="status">
          {undo.said}
          <Button
            small
            onClick={() => {
              setUndo({ work, said: "It is as it was before." });
              setWork(undo.work);
            }}
          >
            Undo
          </Button>
          <IconButton small icon="close" label="Keep it" onClick={() => setUndo(null)} />
        </p>
      )}
      {opening && <Notice title="It could not be opened here" text={opening} />}
      <Variables
        list={list}
        values={work.values}
        strict={strict}
        refused={ranWith === work.values ? refusals(work.columns, runs) : {}}
        onChange={(values) => setWork((now) => ({ ...now, values }))}
      />
      <div className={s.columns} data-many={work.columns.length}>
        {work.columns.map((one, n) => (
          <ColumnView
            key={one.key}
            letter={LETTERS.charAt(n)}
            column={one}
            live={runs.lives[one.key] ?? null}
            best={best[one.key]}
            hindrance={strict ? hindrance(one) : null}
            values={work.values}
            mayEdit={session.me.permissions.includes("edit")}
            onChange={(next) => change(one.key, () => next)}
            onReplace={(next, what) =>
              replace(
                { ...work, columns: work.columns.map((other) => (other.key === one.key ? next : other)) },
                `Column ${LETTERS.charAt(n)} ${what}.`,
              )
            }
            onRun={() => run([one.key])}
            onStop={() => runs.stop(one.key)}
            onSave={() => setSaving(one.key)}
            onCopy={
              work.columns.length < MOST
                ? () => setWork({ ...work, columns: [...work.columns.slice(0, n + 1), copied(one), ...work.columns.slice(n + 1)] })
                : null
            }
            onRemove={
              work.columns.length > 1
                ? () => {
                    runs.forget(one.key);
                    const columns = work.columns.filter((other) => other.key !== one.key);
                    replace({ ...work, columns }, `Column ${LETTERS.charAt(n)} was removed.`);
                  }
                : null
            }
          />
        ))}
      </div>
      <p className="sr" role="status" aria-label="Runs">
        {work.columns.map((one, n) => told(LETTERS.charAt(n), runs.lives[one.key])).join(" ")}
      </p>
      {saved && (
        <SaveDialog
          column={saved}
          onClose={() => setSaving(null)}
          onSaved={(base) => {
            change(saved.key, (one) => ({ ...column(base), key: one.key, run: one.run }));
            setUndo(null);
            setSaving(null);
          }}
        />
      )}
    </div>
  );
}

/** How a run stands, for those who do not see it. */
function told(letter: string, live: Live | undefined): string {
  if (!live) return "";
  return `Column ${letter}: ${live.busy ? "running" : (live.problem ?? words(live.outcome?.errorType ?? "success"))}.`;
}

/** What the server found wrong with variables in the last runs, by name. */
function refusals(columns: readonly Column[], runs: Runs): Record<string, string> {
  const found: Record<string, string> = {};
  for (const one of columns) {
    const { outcome } = runs.lives[one.key] ?? {};
    const name = outcome?.errorType === "validation" && outcome.error ? blamed(outcome.error) : null;
    if (name && outcome?.error) found[name] ??= outcome.error;
  }
  return found;
}

/** Ctrl and Enter, wherever one types, but not in a dialog. */
function useRunKey(run: () => void): void {
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      if ((event.target as HTMLElement).closest("dialog")) return;
      event.preventDefault();
      latest.current();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

/** Open what the address asks for, an execution or a version, once; the sentence says why it cannot be. */
function useOpening(work: Work, replace: (next: Work, said: string) => void): string | null {
  const { params } = useRoute();
  const [wrong, setWrong] = useState<string | null>(null);
  const execution = params.get("execution");
  const prompt = params.get("prompt");
  const version = params.get("version");
  const latest = useRef({ work, replace });
  useEffect(() => {
    latest.current = { work, replace };
  });
  useEffect(() => {
    if (!execution && !prompt) return;
    let gone = false;
    const opened = execution
      ? fetchOrigin(execution).then(reopened)
      : fetchBase(prompt ?? "", version ? Number(version) : null).then((base) => ({
          column: column(base),
          values: latest.current.work.values,
        }));
    opened.then(
      (found) => {
        if (gone) return;
        latest.current.replace({ columns: [found.column], values: found.values }, "What was here before was replaced.");
        adjust({ execution: null, prompt: null, version: null }, true);
      },
      (error: Error) => gone || setWrong(error.message),
    );
    return () => {
      gone = true;
    };
  }, [execution, prompt, version]);
  return execution || prompt ? wrong : null;
}

interface VariablesProps {
  list: readonly Variable[];
  values: Values;
  strict: boolean;
  refused: Readonly<Record<string, string>>;
  onChange: (values: Values) => void;
}

function Variables({ list, values, strict, refused, onChange }: VariablesProps) {
  const [view, setView] = useState<"form" | "json">("form");
  const [typed, setTyped] = useState<{ values: Values; text: string } | null>(null);
  // what was changed elsewhere is shown; what was typed here stays as it was typed
  const text = typed?.values === values ? typed.text : JSON.stringify(values, null, 2);
  const { problem: wrong } = object(text);
  if (!list.length && view === "form") return null;
  return (
    <section className={s.variables} aria-label="Variables">
      <div className={s.sectionHead}>
        <h2>Variables</h2>
        <Segments
          label="How variables are given"
          value={view}
          options={[
            { value: "form", title: "Form" },
            { value: "json", title: "JSON" },
          ]}
          onChange={(next) => {
            setTyped(null);
            setView(next);
          }}
        />
      </div>
      {view === "form" ? (
        <div className={s.fields}>
          <VariableFields list={list} values={values} strict={strict} refused={refused} onChange={onChange} />
        </div>
      ) : (
        <>
          <Editor
            label="Variables as JSON"
            value={text}
            rows={Math.min(20, Math.max(4, text.split("\n").length))}
            describedBy="variables-said"
            onChange={(next) => {
              const { value, problem: broken } = object(next);
              const made = broken ? values : ((value ?? {}) as Values);
              setTyped({ values: made, text: next });
              if (!broken) onChange(made);
            }}
          />
          <p id="variables-said" className={wrong ? s.bad : "sr"} aria-live="polite">
            {wrong ?? "Right as it stands."}
          </p>
        </>
      )}
    </section>
  );
}

