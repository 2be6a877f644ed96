/** The versions of a chain: what each changed, its file, and the labels that point at it. */
import { useState, type FormEvent } from "react";
import { useChainDiff, useChainVersion, useSetChainLabel, type Chain } from "../api/chains";
import { ago, moment } from "../format";
import { Bone, Button, inputClass, Notice, Segments } from "../parts/controls";
import d from "../parts/detail.module.css";
import { Diff } from "../parts/diff";
import { Editor } from "../parts/editor";
import { adjust, useRoute } from "../route";
import s from "./chains.module.css";

interface Props {
  chain: Chain;
  mayEdit: boolean;
  onEdit: (yaml: string) => void;
}

export function Versions({ chain, mayEdit, onEdit }: Props) {
  const { params } = useRoute();
  const wanted = Number(params.get("version"));
  const chosen = chain.versions.find((one) => one.version === wanted) ?? chain.versions[0];
  if (!chosen) return <p className="muted">There is no version yet: saving the file makes the first.</p>;
  return (
    <div className={s.versions}>
      <ol aria-label="Versions">
        {chain.versions.map((one) => (
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
      <Version key={chosen.version} chain={chain} number={chosen.version} mayEdit={mayEdit} onEdit={onEdit} />
    </div>
  );
}

function Version({ chain, number, mayEdit, onEdit }: Props & { number: number }) {
  const { params } = useRoute();
  const others = chain.versions.map((one) => one.version).filter((one) => one !== number);
  const base = others.find((one) => one === Number(params.get("base"))) ?? others.find((one) => one < number) ?? null;
  const [view, setView] = useState<"changes" | "file">(base === null ? "file" : "changes");
  const version = useChainVersion(chain.id, number);
  const diff = useChainDiff(chain.id, base, view === "changes" ? number : null);
  const yaml = version.data?.yaml;
  return (
    <section aria-label={`Version ${number}`} className={s.side}>
      <div className={s.tools}>
        <h2>Version {number}</h2>
        {others.length > 0 && (
          <Segments
            label="What is shown of the version"
            value={view}
            options={[
              { value: "changes", title: "Changes" },
              { value: "file", title: "File" },
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
            <Labelling chain={chain} number={number} />
            <Button disabled={!yaml} onClick={() => yaml && onEdit(yaml)}>
              Edit from here
            </Button>
          </span>
        )}
      </div>
      {(version.error ?? diff.error) && (
        <Notice title="It could not be read" text={(version.error ?? diff.error)?.message ?? ""} />
      )}
      {view === "file" && (yaml ? <Editor label={`File of version ${number}`} value={yaml} /> : <Bone width="80%" />)}
      {view === "changes" &&
        base !== null &&
        (diff.data === undefined || diff.data === null ? (
          <Bone width="80%" />
        ) : diff.data ? (
          <Diff text={diff.data} label={`Changes from version ${base} to version ${number}`} />
        ) : (
          <p className="muted">
            Version {base} and version {number} say the same.
          </p>
        ))}
    </section>
  );
}

function Labelling({ chain, number }: { chain: Chain; number: number }) {
  const [label, setLabel] = useState("");
  const set = useSetChainLabel(chain.id);
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
