/** One column of the playground: a text with a model and parameters, and what came of running it. */
import { useEffect, useId, useState } from "react";
import { fetchBase, useEstimate, useOutcome, usePrompt, usePrompts, useProviderNames } from "../api/playground";
import { useModels } from "../api/providers";
import { useValues } from "../api/executions";
import { Bone, Button, IconButton, inputClass } from "../parts/controls";
import d from "../parts/detail.module.css";
import { Editor } from "../parts/editor";
import { SelectField } from "../parts/fields";
import { Icon } from "../parts/icon";
import { Result, type Live, type Lowest } from "../parts/outcome";
import { gistOf, Parameters } from "../parts/parameters";
import s from "../parts/playground.module.css";
import { Turns } from "../parts/turns";
import { count } from "../format";
import { blank, changed, column, hindrance, input, novel, type Column } from "../playground";
import type { Values } from "../variables";

export interface ColumnProps {
  letter: string;
  column: Column;
  live: Live | null;
  /** Where its run was better than the others. */
  best: ReadonlySet<Lowest> | undefined;
  /** What keeps it from running, where somebody tried. */
  hindrance: string | null;
  /** What the variables are filled with. */
  values: Values;
  mayEdit: boolean;
  onChange: (column: Column) => void;
  /** In the place of what was typed, so that it can be undone. */
  onReplace: (column: Column, what: string) => void;
  onRun: () => void;
  onStop: () => void;
  onSave: () => void;
  onCopy: (() => void) | null;
  onRemove: (() => void) | null;
}

export function ColumnView(props: ColumnProps) {
  const { letter, column: one, live, mayEdit, onChange } = props;
  const name = `column ${letter}`;
  const set = (change: Partial<Column>) => onChange({ ...one, ...change });
  return (
    <section className={s.column} aria-label={`Column ${letter}`}>
      <div className={s.top}>
        <header className={s.head}>
          <span className={s.letter} aria-hidden="true">
            {letter}
          </span>
          <Source {...props} />
          <span className={s.corner}>
            {props.onCopy && <IconButton small icon="copy" label={`Copy ${name}`} onClick={props.onCopy} />}
            {props.onRemove && <IconButton small icon="close" label={`Remove ${name}`} onClick={props.onRemove} />}
          </span>
        </header>
        <Model name={name} column={one} set={set} />
      </div>
      <Turns label={name} turns={one.turns} onChange={(turns) => set({ turns })} />
      <div>
        <Folded title="Parameters" gist={gistOf(one.params)} open={false}>
          <Parameters label={`Parameters of ${name}`} text={one.params} onChange={(params) => set({ params })} />
        </Folded>
        <Folded title="Input schema" gist={one.schema ? "" : "none"} open={false}>
          <p className={s.hint}>JSON Schema of the variables. The form above is made of it; a version keeps it.</p>
          <Editor
            label={`Input schema of ${name}`}
            value={one.schema}
            onChange={(schema) => set({ schema })}
            rows={Math.min(14, Math.max(4, one.schema.split("\n").length))}
          />
        </Folded>
      </div>
      <div className={s.actions}>
        {live?.busy ? (
          <Button onClick={props.onStop} aria-label={`Stop ${name}`}>
            <Icon name="stop" size={12} /> Stop
          </Button>
        ) : (
          <Button onClick={props.onRun} aria-label={`Run ${name}`}>
            <Icon name="play" size={12} /> Run
          </Button>
        )}
        {mayEdit && (
          <Button look="quiet" onClick={props.onSave} disabled={!novel(one)} aria-label={`Save ${name} as a version`}>
            Save as a version
          </Button>
        )}
        {props.hindrance && (
          <span className={s.bad} role="alert">
            {props.hindrance}
          </span>
        )}
      </div>
      <Estimate column={one} values={props.values} />
      <div>{live ? <Result label={name} live={live} best={props.best} /> : <Earlier name={name} id={one.run} />}</div>
    </section>
  );
}

/** What running it would use and cost: at most, and as the version usually did. */
function Estimate({ column: one, values }: { column: Column; values: Values }) {
  const key = JSON.stringify(hindrance(one) ? null : input(one, values));
  const [settled, setSettled] = useState(key);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(key), 500);
    return () => clearTimeout(timer);
  }, [key]);
  const asked = JSON.parse(settled) as ReturnType<typeof input> | null;
  const { data, error } = useEstimate(asked ?? {}, asked !== null);
  if (!asked || !data || error) return null;
  const { usual } = data;
  const most = data.maxTokenOut === null ? "" : ` and ${count(data.maxTokenOut)} out`;
  const cost = data.maxCostDisplay ?? (data.priced ? "without max_tokens nothing bounds the answer" : "no price is known");
  return (
    <p className={s.hint}>
      At most {count(data.maxTokenIn)} tokens in{most}: {cost}.
      {usual &&
        ` Usually ${count(usual.tokenIn)} in, ${count(usual.tokenOut)} out` +
          `${usual.costDisplay ? `, ${usual.costDisplay}` : ""} (${count(usual.calls)} ${usual.calls === 1 ? "call" : "calls"}).`}
    </p>
  );
}

/** What a run said that this page did not listen to, after a reload. */
function Earlier({ name, id }: { name: string; id: string | null }) {
  const answer = useOutcome(id);
  if (!id) return null;
  if (answer.isPending) return <Bone width="60%" />;
  const outcome = answer.data ?? null;
  if (!outcome) return null;
  const busy = outcome.status === "pending";
  return <Result label={name} live={{ since: Date.now(), busy, text: "", outcome, problem: null }} />;
}

/** Which version the column came from, and whether it says the same still. */
function Source({ letter, column: one, onReplace }: ColumnProps) {
  const prompts = usePrompts();
  const { base } = one;
  const prompt = usePrompt(base?.promptId ?? null);
  const [problem, setProblem] = useState<string | null>(null);
  const choose = (id: string, number: number | null) => {
    setProblem(null);
    if (!id) return onReplace({ ...blank(), key: one.key, model: one.model, provider: one.provider }, "was cleared");
    fetchBase(id, number).then(
      (found) => onReplace({ ...column(found), key: one.key }, `now has ${found.promptName} v${found.version}`),
      (error: Error) => setProblem(error.message),
    );
  };
  const known = prompts.data ?? [];
  const versions = prompt.data?.id === base?.promptId ? (prompt.data?.versions ?? []) : [];
  return (
    <span className={s.source}>
      <select
        className={inputClass}
        aria-label={`Prompt of column ${letter}`}
        value={base?.promptId ?? ""}
        onChange={(event) => choose(event.target.value, null)}
      >
        <option value="">No prompt</option>
        {base && !known.some((one) => one.id === base.promptId) && (
          <option value={base.promptId}>{base.promptName}</option>
        )}
        {known.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
      </select>
      {base && (
        <select
          className={inputClass}
          aria-label={`Version of column ${letter}`}
          value={base.version}
          onChange={(event) => choose(base.promptId, Number(event.target.value))}
        >
          {!versions.some((one) => one.version === base.version) && (
            <option value={base.version}>v{base.version}</option>
          )}
          {versions.map((one) => (
            <option key={one.id} value={one.version}>
              v{one.version}
              {one.labels.length > 0 && ` (${one.labels.join(", ")})`}
            </option>
          ))}
        </select>
      )}
      {base && changed(one) && (
        <span className={d.tag} title={`It no longer says what version ${base.version} says: it runs as a draft`}>
          draft
        </span>
      )}
      {(problem ?? prompts.error) && <span className={s.bad}>{problem ?? prompts.error?.message}</span>}
    </span>
  );
}

function Model({ name, column: one, set }: { name: string; column: Column; set: (change: Partial<Column>) => void }) {
  const id = useId();
  const used = useValues("MODEL");
  const providers = useProviderNames();
  const [wanted, setWanted] = useState(false);
  const ready = (providers.data ?? []).filter((known) => known.ready);
  const chosen = one.provider ? [one.provider] : ready.map((known) => known.name);
  const lists = useModels(chosen, wanted);
  const past = one.provider ? [] : (used.data ?? []).map((known) => known.value);
  const models = [...new Set([...past, ...chosen.flatMap((provider) => lists[provider] ?? [])])];
  /** Of a provider of the workspace's own naming the model's name alone says nothing: it is chosen with it. */
  const owner = (model: string): string | undefined => {
    const listing = chosen.filter((provider) => lists[provider]?.includes(model));
    return ready.find((known) => known.own && listing.length === 1 && known.name === listing[0])?.name;
  };
  return (
    <div className={s.model}>
      <div className={s.pair}>
        <label htmlFor={id}>Model</label>
        <input
          id={id}
          className={inputClass}
          aria-label={`Model of ${name}`}
          list={`${id}-models`}
          value={one.model}
          placeholder="Its name at the provider"
          autoComplete="off"
          spellCheck={false}
          onFocus={() => setWanted(true)}
          onChange={(event) => {
            const model = event.target.value;
            set({ model, provider: one.provider || (owner(model) ?? "") });
          }}
        />
        <datalist id={`${id}-models`}>
          {models.map((model) => (
            <option key={model} value={model}>
              {chosen.filter((provider) => lists[provider]?.includes(model)).join(", ")}
            </option>
          ))}
        </datalist>
      </div>
      <SelectField
        label="Provider"
        value={one.provider}
        options={[
          { value: "", title: "By its name" },
          ...(one.provider && !providers.data?.some((known) => known.name === one.provider)
            ? [{ value: one.provider, title: one.provider }]
            : []),
          ...(providers.data ?? []).map((known) => ({
            value: known.name,
            title: known.ready ? known.name : `${known.name} (not set up)`,
          })),
        ]}
        onChange={(provider) => set({ provider })}
      />
    </div>
  );
}

function Folded(props: { title: string; gist: string; open: boolean; children: React.ReactNode }) {
  return (
    <details className={s.fold} open={props.open}>
      <summary>
        <Icon name="right" size={12} />
        {props.title}
        {props.gist && <small className="clip">{props.gist}</small>}
      </summary>
      <div className={s.folded}>{props.children}</div>
    </details>
  );
}
