/** API keys: list, create (the secret is shown once), revoke. */
import { useState, type FormEvent } from "react";
import { useCreateKey, useKeys, useRevokeKey, type Key, type Scope, type Session } from "../api/session";
import { ago } from "../format";
import { Bone, Button, Dialog, inputClass, Notice, Snippet } from "../parts/controls";
import p from "../parts/providers.module.css";
import s from "./keys.module.css";

const SCOPES: readonly { value: Scope; title: string }[] = [
  { value: "RUN", title: "Run prompts" },
  { value: "READ", title: "Read" },
  { value: "INGEST", title: "Send executions" },
  { value: "ADMIN", title: "Administer" },
];

function Row({ item }: { item: Key }) {
  const revoke = useRevokeKey();
  const [sure, setSure] = useState(false);
  const used = item.lastUsedAt ? `used ${ago(item.lastUsedAt)}` : "never used";
  const end = item.revokedAt
    ? `revoked ${ago(item.revokedAt)}`
    : item.expiresAt
      ? `${used}, expires ${ago(item.expiresAt)}`
      : used;
  return (
    <li className={s.key} data-gone={item.revokedAt !== null}>
      <div className="clip">
        <b>{item.name}</b> <span className="mono muted">{item.hint}…</span>
        <small>
          {item.scopes.map((scope) => scope.toLowerCase()).join(", ")} · {end}
        </small>
      </div>
      {!item.revokedAt && sure && (
        <Button small look="danger" onClick={() => revoke.mutate(item.id)} disabled={revoke.isPending}>
          Revoke for good
        </Button>
      )}
      {!item.revokedAt && (
        <Button small look="quiet" onClick={() => setSure(!sure)} aria-label={sure ? "Keep" : `Revoke ${item.name}`}>
          {sure ? "Keep" : "Revoke"}
        </Button>
      )}
    </li>
  );
}

export function Keys({ session, onClose }: { session: Session; onClose: () => void }) {
  return (
    <Dialog title={`API keys of ${session.workspace.name}`} onClose={onClose}>
      <Manage />
    </Dialog>
  );
}

/** The same as a page among the settings. */
export function KeysPage() {
  return (
    <div className={p.page}>
      <header className={p.head}>
        <div>
          <h1>API keys</h1>
          <p className="muted">Yours, in this workspace: what programs send to be let in. A key is shown once.</p>
        </div>
      </header>
      <div className={s.page}>
        <Manage />
      </div>
    </div>
  );
}

function Manage() {
  const keys = useKeys();
  const create = useCreateKey();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly Scope[]>(["RUN", "READ", "INGEST"]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ name: name.trim(), scopes: [...scopes] }, { onSuccess: () => setName("") });
  };
  return (
    <>
      {create.data && (
        <div className={s.secret} role="status">
          <p>
            <b>{create.data.createKey.key.name}</b> is ready. Copy its secret now: it is not shown again.
          </p>
          <Snippet text={create.data.createKey.secret} label="The new key's secret" />
        </div>
      )}
      {(keys.error ?? create.error) && (
        <Notice title="That did not work" text={(keys.error ?? create.error)?.message ?? ""} />
      )}
      <ul className={s.list} aria-label="Keys">
        {keys.isPending && (
          <li className={s.key}>
            <Bone width="60%" />
          </li>
        )}
        {keys.data?.map((item) => (
          <Row key={item.id} item={item} />
        ))}
        {keys.data?.length === 0 && <li className={s.key}>No keys yet.</li>}
      </ul>
      <form className={s.form} onSubmit={submit}>
        <input
          className={inputClass}
          aria-label="Name of the new key"
          placeholder="Name of the new key, such as production"
          value={name}
          maxLength={80}
          required
          onChange={(event) => setName(event.target.value)}
        />
        <Button
          type="submit"
          look="primary"
          disabled={!name.trim() || !scopes.length || create.isPending}
          style={{ height: 32 }}
        >
          Create key
        </Button>
        <fieldset>
          <legend className="sr">What the key may do</legend>
          {SCOPES.map(({ value, title }) => (
            <label key={value}>
              <input
                type="checkbox"
                checked={scopes.includes(value)}
                onChange={(event) =>
                  setScopes(event.target.checked ? [...scopes, value] : scopes.filter((one) => one !== value))
                }
              />
              {title}
            </label>
          ))}
        </fieldset>
      </form>
    </>
  );
}
