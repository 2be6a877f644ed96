/** One prompt: its versions, what each says and what it changed, and the labels that point at them. */
import { useState, type FormEvent } from "react";
import {
  useArchivePrompt,
  usePromptDiff,
  usePromptPage,
  useSetPromptLabel,
  type Prompt,
  type PromptVersion,
} from "../api/prompts";
import { ago, moment } from "../format";
import { Json, Turns } from "../parts/content";
import { Bone, Button, inputClass, Notice, Segments } from "../parts/controls";
import d from "../parts/detail.module.css";
import { Diff } from "../parts/diff";
import { Icon } from "../parts/icon";
import { Link } from "../parts/link";
import { Section } from "../parts/section";
import { adjust, go, href, useRoute } from "../route";
import s from "./chains.module.css";

export function PromptPage({ id, permissions }: { id: string; permissions: readonly string[] }) {
  const answer = usePromptPage(id);
  const prompt = answer.data;
  return (
    <div className={s.column}>
      <p className={s.back}>
        <Link href={href("/prompts")}>
          <Icon name="left" size={12} /> Prompts
        </Link>
      </p>
      {answer.error && (
        <Notice title="This prompt could not be read" text={answer.error.message} onRetry={() => void answer.refetch()} />
      )}
      {answer.isPending && <Bone width="50%" height={20} />}
      {prompt === null && <p className="muted">No prompt with this id exists in this workspace.</p>}
      {prompt && <Board prompt={prompt} mayEdit={permissions.includes("edit")} mayRun={permissions.includes("run")} />}
    </div>
  );
}

function Board({ prompt, mayEdit, mayRun }: { prompt: Prompt; mayEdit: boolean; mayRun: boolean }) {
  const { params } = useRoute();
  const archive = useArchivePrompt(prompt.id);
  const wanted = Number(params.get("version"));
  const chosen = prompt.versions.find((one) => one.version === wanted) ?? prompt.versions[0];
  return (
    <>
      <header className={s.head}>
        <h1>{prompt.name}</h1>
        {prompt.labels.map(({ label, version }) => (
          <span key={label} className={d.tag}>
            {label} → v{version}
          </span>
        ))}
        {prompt.archivedAt && <span className={d.tag}>archived</span>}
        <span className={s.actions}>
          <Link className={d.link} href={href("/executions", { prompt: prompt.name })}>
            Executions
          </Link>
          {mayEdit && (
            <Button disabled={archive.isPending} onClick={() => archive.mutate(!prompt.archivedAt)}>
              {prompt.archivedAt ? "Restore" : "Archive"}
            </Button>
          )}
          {mayRun && chosen && (
            <Button
              look="primary"
              onClick={() => go(href("/playground", { prompt: prompt.id, version: String(chosen.version) }))}
            >
              <Icon name="play" size={12} /> Open in the playground
            </Button>
          )}
        </span>
      </header>
      {prompt.description && <p className="muted">{prompt.description}</p>}
      {archive.error && <Notice title="That did not work" text={archive.error.message} />}
      {!chosen && <p className="muted">There is no version yet: save one from the playground.</p>}
      {chosen && (
        <div className={s.versions}>
          <ol aria-label="Versions">
            {prompt.versions.map((one) => (
              <li key={one.id}>
                <button
                  type="button"
                  aria-pressed={one.version === chosen.version}
                  onClick={() => adjust({ version: String(one.version), base: null }, true)}
                >
                  <b>v{one.version}</b>
                  {one.labels.map((label) => (
                    <span key={label} className={d.tag}>
                      {label}
                    </span>
                  ))}
                  <small title={moment(one.createdAt)}>
                    {ago(one.createdAt)}
                    {one.createdBy && `, ${one.createdBy.name}`}
                  </small>
                </button>
              </li>
            ))}
          </ol>
          <Version key={chosen.version} prompt={prompt} version={chosen} mayEdit={mayEdit && !prompt.archivedAt} />
        </div>
      )}
    </>
  );
}

function Version({ prompt, version, mayEdit }: { prompt: Prompt; version: PromptVersion; mayEdit: boolean }) {
  const { params } = useRoute();
  const number = version.version;
  const others = prompt.versions.map((one) => one.version).filter((one) => one !== number);
  const base = others.find((one) => one === Number(params.get("base"))) ?? others.find((one) => one < number) ?? null;
  const [view, setView] = useState<"text" | "changes">("text");
  return (
    <section aria-label={`Version ${number}`} className={s.side}>
      <div className={s.tools}>
        <h2>Version {number}</h2>
        {base !== null && (
          <Segments
            label="What is shown of the version"
            value={view}
            options={[
              { value: "text", title: "Text" },
              { value: "changes", title: "Changes" },
            ]}
            onChange={setView}
          />
        )}
        {view === "changes" && base !== null && (
          <label className={s.base}>
            since
            <select
              className={inputClass}
              value={base}
              onChange={(event) => adjust({ base: event.target.value }, true)}
            >
              {others.map((one) => (
                <option key={one} value={one}>
                  v{one}
                </option>
              ))}
            </select>
          </label>
        )}
        {mayEdit && (
          <span className={s.actions}>
            <Labelling prompt={prompt} number={number} />
          </span>
        )}
      </div>
      {view === "changes" && base !== null ? (
        <Changes id={prompt.id} from={base} to={number} />
      ) : (
        <>
          <Turns said={version.messages ?? [{ role: "user", content: version.content ?? "" }]} />
          <Section title="Parameters" note={version.provider ? `at ${version.provider}` : undefined}>
            <Json value={version.params} label="Parameters" />
          </Section>
          {version.inputSchema !== null && version.inputSchema !== undefined && (
            <Section title="Input schema">
              <Json value={version.inputSchema} label="Input schema" />
            </Section>
          )}
        </>
      )}
    </section>
  );
}

function Changes({ id, from, to }: { id: string; from: number; to: number }) {
  const answer = usePromptDiff(id, from, to);
  const diff = answer.data;
  if (answer.error) return <Notice title="It could not be read" text={answer.error.message} />;
  if (!diff) return <Bone width="80%" />;
  const some = (value: unknown): boolean => Object.keys((value ?? {}) as object).length > 0;
  if (!diff.text && !some(diff.params) && !some(diff.inputSchema))
    return (
      <p className="muted">
        Version {from} and version {to} say the same.
      </p>
    );
  return (
    <>
      {diff.text && <Diff text={diff.text} label={`Changes from version ${from} to version ${to}`} />}
      {some(diff.params) && (
        <Section title="Parameters" note="before and after">
          <Json value={diff.params} label="Changed parameters" />
        </Section>
      )}
      {some(diff.inputSchema) && (
        <Section title="Input schema" note="before and after">
          <Json value={diff.inputSchema} label="Changed input schema" />
        </Section>
      )}
    </>
  );
}

function Labelling({ prompt, number }: { prompt: Prompt; number: number }) {
  const [label, setLabel] = useState("");
  const set = useSetPromptLabel(prompt.id);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    set.mutate({ label: label.trim(), version: number }, { onSuccess: () => setLabel("") });
  };
  return (
    <form className={s.labelling} onSubmit={submit}>
      <input
        className={inputClass}
        aria-label={`Label for version ${number}`}
        placeholder="Label"
        value={label}
        maxLength={80}
        onChange={(event) => setLabel(event.target.value)}
      />
      <Button type="submit" disabled={!label.trim() || set.isPending}>
        Set label
      </Button>
      {set.error && (
        <span className={d.bad} role="alert">
          {set.error.message}
        </span>
      )}
    </form>
  );
}
