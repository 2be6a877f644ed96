/** One chain, or a new one: its file with every problem at its line, the graph of it, a run to try it, its versions. */
import { useEffect, useId, useMemo, useState } from "react";
import { useApplyChain, useArchiveChain, useChain, useProof, type Chain, type Proof } from "../api/chains";
import { planned } from "../course";
import { count } from "../format";
import { Json } from "../parts/content";
import { Bone, Button, inputClass, Notice, Segments } from "../parts/controls";
import d from "../parts/detail.module.css";
import { Editor, goToLine } from "../parts/editor";
import { Flow } from "../parts/flow";
import { Icon } from "../parts/icon";
import { Link } from "../parts/link";
import { Section } from "../parts/section";
import { adjust, href, useRoute } from "../route";
import { TestRun } from "./chain-test";
import { Versions } from "./chain-versions";
import s from "./chains.module.css";

const FILE = "The chain as a file";
const NEW = `name: my-chain
requiredInputs:
  type: object
  properties:
    message:
      type: string
  required: [message]
steps:
  - name: answer
    type: PROMPT
    prompt: my-prompt
    inputMapping:
      text: "{{message}}"
    outputKey: answer
`;

export function ChainPage({ id, permissions }: { id: string | null; permissions: readonly string[] }) {
  const answer = useChain(id);
  const chain = answer.data;
  return (
    <div className={s.column}>
      <p className={s.back}>
        <Link href={href("/chains")}>
          <Icon name="left" size={12} /> Chains
        </Link>
      </p>
      {answer.error && (
        <Notice title="This chain could not be read" text={answer.error.message} onRetry={() => void answer.refetch()} />
      )}
      {id !== null && answer.isPending && <Bone width="50%" height={20} />}
      {chain === null && !answer.error && <p className="muted">No chain with this id exists in this workspace.</p>}
      {(chain || id === null) && <Board chain={chain ?? null} permissions={permissions} />}
    </div>
  );
}

function Board({ chain, permissions }: { chain: Chain | null; permissions: readonly string[] }) {
  const { params } = useRoute();
  const view = chain && params.get("view") === "versions" ? "versions" : "file";
  const kept = chain?.yaml ?? NEW;
  const [text, setText] = useState(kept);
  const [before, setBefore] = useState(kept);
  // what was saved, here or elsewhere, is shown as long as nothing was typed
  if (before !== kept) {
    setBefore(kept);
    if (text === before) setText(kept);
  }
  return (
    <>
      <Head chain={chain} view={view} mayEdit={permissions.includes("edit")} />
      {chain && view === "versions" ? (
        <Versions
          chain={chain}
          mayEdit={permissions.includes("edit")}
          onEdit={(yaml) => {
            setText(yaml);
            adjust({ view: null });
          }}
        />
      ) : (
        <File
          chain={chain}
          text={text}
          changed={chain === null || text !== kept}
          setText={setText}
          onUndo={() => setText(kept)}
          permissions={permissions}
        />
      )}
    </>
  );
}

function Head({ chain, view, mayEdit }: { chain: Chain | null; view: "file" | "versions"; mayEdit: boolean }) {
  const archive = useArchiveChain(chain?.id ?? "");
  if (!chain)
    return (
      <header className={s.head}>
        <h1>New chain</h1>
      </header>
    );
  const latest = chain.versions[0]?.version;
  return (
    <header className={s.head}>
      <h1>{chain.name}</h1>
      {latest !== undefined && <span className={d.tag}>v{latest}</span>}
      {chain.labels.map(({ label, version }) => (
        <span key={label} className={d.tag}>
          {label} → v{version}
        </span>
      ))}
      {!chain.isActive && <span className={d.tag}>not active</span>}
      {chain.archivedAt && <span className={d.tag}>archived</span>}
      <span className={s.actions}>
        <Link className={d.link} href={href("/chain-executions", { chain: chain.name })}>
          Chain executions
        </Link>
        {mayEdit && (
          <Button look="quiet" disabled={archive.isPending} onClick={() => archive.mutate(chain.archivedAt === null)}>
            {chain.archivedAt ? "Restore" : "Archive"}
          </Button>
        )}
        <Segments
          label="What is shown"
          value={view}
          options={[
            { value: "file", title: "File" },
            { value: "versions", title: `Versions ${count(chain.versions.length)}` },
          ]}
          onChange={(value) => adjust({ view: value === "versions" ? "versions" : null })}
        />
      </span>
    </header>
  );
}

/** A text as it was a moment ago, so that not every letter is a question. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), 300);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

function File(props: {
  chain: Chain | null;
  text: string;
  changed: boolean;
  setText: (text: string) => void;
  onUndo: () => void;
  permissions: readonly string[];
}) {
  const { chain, text, changed, setText, permissions } = props;
  const mayEdit = permissions.includes("edit");
  const id = useId();
  const settled = useSettled(text);
  const proof = useProof(settled);
  const fresh = settled === text && !proof.isPlaceholderData;
  const [form, setForm] = useState<"yaml" | "json">("yaml");
  const found = proof.data;
  const wrong = useMemo(
    () => new Set((found?.problems ?? []).flatMap(({ step, severity }) => (step && severity === "error" ? [step] : []))),
    [found],
  );
  const [document, setDocument] = useState<unknown>(chain?.document ?? null);
  // the graph of the last text that could be read stays while one that cannot is typed
  if (found?.document && found.document !== document) setDocument(found.document);
  const drawn = useMemo(() => planned(document, wrong), [document, wrong]);
  return (
    <div className={s.board}>
      <div className={s.side}>
        <div className={s.tools}>
          <Segments
            label="Form of the file"
            value={form}
            options={[
              { value: "yaml", title: "YAML" },
              { value: "json", title: "JSON" },
            ]}
            onChange={setForm}
          />
          <Verdict proof={found} fresh={fresh} />
          {mayEdit && (
            <Save
              chain={chain}
              text={text}
              able={changed && fresh && found?.valid === true}
              undo={changed && chain ? props.onUndo : null}
            />
          )}
        </div>
        {form === "yaml" ? (
          <Editor
            label={FILE}
            value={text}
            {...(mayEdit ? { onChange: setText } : {})}
            marks={(found?.problems ?? []).flatMap(({ line, severity }) =>
              line === null ? [] : [{ line, severity }],
            )}
            describedBy={`${id}-problems`}
          />
        ) : (
          <Json value={document} label="The chain as JSON" />
        )}
        <ul id={`${id}-problems`} className={s.problems} aria-label="Problems">
          {(found?.problems ?? []).map((problem) => (
            <li key={`${problem.path} ${problem.message}`} data-severity={problem.severity}>
              <button
                type="button"
                disabled={problem.line === null || form === "json"}
                onClick={() => problem.line !== null && goToLine(FILE, problem.line)}
              >
                <Icon name={problem.severity === "error" ? "cross" : "alert"} size={14} />
                <span>
                  {problem.step && <b>{problem.step}: </b>}
                  {problem.message}
                </span>
                {problem.line !== null && <small>line {problem.line}</small>}
              </button>
            </li>
          ))}
        </ul>
      </div>
      <div className={s.side}>
        <Section title="Graph" note={`${count(drawn.parts.length)} steps`}>
          {drawn.parts.length > 0 ? (
            <Flow course={drawn} selected={null} onSelect={(name) => goToLine(FILE, lineOf(text, name))} />
          ) : (
            <p className="muted">There are no steps to draw.</p>
          )}
        </Section>
        {chain && permissions.includes("run") && !chain.archivedAt && <TestRun chain={chain} changed={changed} />}
      </div>
    </div>
  );
}

/** Where a file names a step; its first line when it cannot be found. */
function lineOf(text: string, name: string): number {
  const at = text.split("\n").findIndex((line) => line.replace(/^[\s-]*/, "").replace(/["']/g, "") === `name: ${name}`);
  return at < 0 ? 1 : at + 1;
}

function Verdict({ proof, fresh }: { proof: Proof | undefined; fresh: boolean }) {
  if (!proof || !fresh) return <span className="muted">Checking…</span>;
  const errors = proof.problems.filter(({ severity }) => severity === "error").length;
  const warnings = proof.problems.length - errors;
  const said = [
    errors && `${errors} ${errors === 1 ? "error" : "errors"}`,
    warnings && `${warnings} ${warnings === 1 ? "warning" : "warnings"}`,
  ].filter(Boolean);
  return (
    <span className={s.verdict} role="status" data-valid={proof.valid}>
      <Icon name={proof.valid ? "check" : "cross"} size={14} />
      {said.length ? said.join(", ") : "Ready to run"}
    </span>
  );
}

function Save(props: { chain: Chain | null; text: string; able: boolean; undo: (() => void) | null }) {
  const { chain, text, able, undo } = props;
  const apply = useApplyChain();
  const [label, setLabel] = useState("");
  const save = () =>
    apply.mutate(
      { yaml: text, name: chain?.name ?? null, label: label.trim() || null },
      { onSuccess: ({ applyChain }) => adjust({ id: applyChain.chain.id, new: null }, chain !== null) },
    );
  return (
    <span className={s.actions}>
      {undo && (
        <Button look="quiet" onClick={undo}>
          Undo
        </Button>
      )}
      <input
        className={inputClass}
        aria-label="Label for the new version"
        placeholder="Label, such as production"
        value={label}
        maxLength={80}
        onChange={(event) => setLabel(event.target.value)}
      />
      <Button look="primary" disabled={!able || apply.isPending} onClick={save}>
        {chain ? "Save version" : "Create"}
      </Button>
      {apply.error && (
        <span className={d.bad} role="alert">
          {apply.error.message}
        </span>
      )}
    </span>
  );
}
