/** What is set for a provider, in forms: its key, its address, its limits, and how it is reached. */
import { useState, type FormEvent, type ReactNode } from "react";
import {
  useRemoveProvider,
  useRemoveProviderKey,
  useSaveProvider,
  useSetProviderKey,
  type Provider,
  type ProviderInput,
} from "../api/providers";
import { ago } from "../format";
import { Button, inputClass, Notice } from "../parts/controls";
import { Field, SelectField, TextField } from "../parts/fields";
import s from "../parts/providers.module.css";

export function ProviderForm({ provider }: { provider: Provider }) {
  return (
    <div className={s.form} role="region" aria-label={`Settings of ${provider.title}`}>
      <KeyForm provider={provider} />
      <SettingsForm key={provider.settings?.updatedAt ?? "unset"} provider={provider} />
    </div>
  );
}

/** A button that asks once more before it does something that cannot be taken back. */
function Sure(props: { children: ReactNode; label: string; sure: string; busy: boolean; onSure: () => void }) {
  const [asked, setAsked] = useState(false);
  if (!asked)
    return (
      <Button look="quiet" aria-label={props.label} onClick={() => setAsked(true)}>
        {props.children}
      </Button>
    );
  return (
    <>
      <Button look="danger" disabled={props.busy} onClick={props.onSure}>
        {props.sure}
      </Button>
      <Button look="quiet" onClick={() => setAsked(false)}>
        Keep
      </Button>
    </>
  );
}

function KeyForm({ provider }: { provider: Provider }) {
  const { name, title, keySource, keySetAt } = provider;
  const [key, setKey] = useState("");
  const store = useSetProviderKey();
  const remove = useRemoveProviderKey();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    store.mutate({ name, key: key.trim() }, { onSuccess: () => setKey("") });
  };
  const stored = keySource === "WORKSPACE";
  const said = stored
    ? `A key is stored${keySetAt ? `, set ${ago(keySetAt)}` : ""}. A new one takes its place with the next call.`
    : keySource === "PROCESS"
      ? "The server was started with a key, which is used. One that is stored here goes before it."
      : keySource === "NONE_NEEDED"
        ? "It needs no key. If yours asks for one, store it here."
        : "Without a key it cannot be called.";
  const problem = store.error ?? remove.error;
  return (
    <form className={s.part} onSubmit={submit} aria-label={`Key of ${title}`}>
      <Field label={stored ? "New key" : "Key"} hint={said}>
        {(ids) => (
          <span className={s.line}>
            <input
              {...ids}
              className={inputClass}
              type="password"
              autoComplete="off"
              spellCheck={false}
              value={key}
              onChange={(event) => setKey(event.target.value)}
            />
            <Button type="submit" look="primary" disabled={!key.trim() || store.isPending}>
              {stored ? "Replace the key" : "Store the key"}
            </Button>
            {stored && (
              <Sure
                label={`Remove the key of ${title}`}
                sure="Remove it for good"
                busy={remove.isPending}
                onSure={() => remove.mutate(name)}
              >
                Remove
              </Sure>
            )}
          </span>
        )}
      </Field>
      {store.isSuccess && !key && (
        <p role="status" className={s.done}>
          The key is stored. It is not shown again.
        </p>
      )}
      {problem && <Notice title="That did not work" text={problem.message} />}
    </form>
  );
}

type Name = Exclude<keyof ProviderInput, "name" | "preset">;
type Typed = Partial<Record<Name, string>>;

const NUMBERS: readonly Name[] = [
  "atOnce",
  "requestsPerMinute",
  "tokensPerMinute",
  "connectTimeoutMs",
  "idleTimeoutMs",
];
const PLACES: Partial<Record<Name, string>> = { region: "Region", project: "Project", apiVersion: "API version" };

/** What was typed as the API takes it; empty is not set. */
function written(provider: { name: string; preset: string }, typed: Typed): ProviderInput {
  const given = Object.entries(typed).map(([name, text]) => {
    const value = text.trim();
    return [name, !value ? null : NUMBERS.includes(name as Name) ? Number(value) : value];
  });
  return { ...(Object.fromEntries(given) as Partial<ProviderInput>), name: provider.name, preset: provider.preset };
}

const wrongNumber = (text: string | undefined): string | null =>
  !text?.trim() || /^[1-9]\d{0,8}$/.test(text.trim()) ? null : "This must be a whole number from 1.";

function SettingsForm({ provider }: { provider: Provider }) {
  const { name, title, settings, address, needs, keySource, proxyCredentials } = provider;
  const kept: Typed = Object.fromEntries(
    Object.entries(settings ?? {})
      .filter(([one, value]) => one !== "updatedAt" && value !== null)
      .map(([one, value]) => [one, String(value)]),
  );
  const [typed, setTyped] = useState<Typed>(kept);
  const [sure, setSure] = useState(false);
  const save = useSaveProvider();
  const remove = useRemoveProvider();
  const changed = JSON.stringify(written(provider, typed)) !== JSON.stringify(written(provider, kept));
  const wrong = NUMBERS.some((one) => wrongNumber(typed[one]));
  // the stored key would go to another address than before
  const moved = keySource === "WORKSPACE" && (typed.baseUrl ?? "").trim() !== (kept.baseUrl ?? "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (moved && !sure) setSure(true);
    else save.mutate(written(provider, typed), { onSuccess: () => setSure(false) });
  };
  const field = (one: Name, label: string, more: { hint?: string; placeholder?: string; lines?: number } = {}) => (
    <TextField
      key={one}
      label={label}
      note={needs.includes(one) ? "needed" : undefined}
      value={typed[one] ?? ""}
      onChange={(text) => setTyped({ ...typed, [one]: text })}
      problem={NUMBERS.includes(one) ? wrongNumber(typed[one]) : null}
      code={more.lines !== undefined}
      {...more}
    />
  );
  const places = (Object.keys(PLACES) as Name[]).filter((one) => needs.includes(one) || kept[one] !== undefined);
  const problem = save.error ?? remove.error;
  return (
    <form className={s.part} onSubmit={submit} aria-label={`Connection of ${title}`}>
      <h4>Address</h4>
      <div className={s.fields}>
        {field("baseUrl", "Base URL", {
          placeholder: address ?? "https://",
          hint: `${needs.includes("baseUrl") ? "" : "Empty: the provider's own. "}Public addresses, and what the operator allowed.`,
        })}
        {places.map((one) => field(one, PLACES[one] ?? one))}
      </div>
      <h4>Limits</h4>
      <div className={s.fields}>
        {field("atOnce", "Calls at once", { placeholder: "No limit" })}
        {field("requestsPerMinute", "Requests a minute", { placeholder: "No limit" })}
        {field("tokensPerMinute", "Tokens a minute", { placeholder: "No limit" })}
      </div>
      <h4>Connection</h4>
      <div className={s.fields}>
        {field("connectTimeoutMs", "Time to connect, in ms", { placeholder: "The server's own" })}
        {field("idleTimeoutMs", "Longest silence, in ms", { placeholder: "None but the call's deadline" })}
        {field("proxy", "Proxy", {
          placeholder: "http://host:port",
          hint: proxyCredentials
            ? "A user and password are stored for it and stay, unless you give others."
            : "User and password before the host (user:password@) are stored sealed.",
        })}
        {field("ca", "Certificates to trust", {
          lines: 2,
          placeholder: "-----BEGIN CERTIFICATE-----",
          hint: "PEM, in the place of the system's. Empty: the system's.",
        })}
      </div>
      {sure && (
        <p role="alert" className={s.warn}>
          The stored key will be sent to {(typed.baseUrl ?? "").trim() || "the provider's own address"} from now on. Save
          again if that is right.
        </p>
      )}
      {problem && <Notice title="That did not work" text={problem.message} />}
      <div className={s.line}>
        <Button type="submit" look="primary" disabled={!changed || wrong || save.isPending}>
          {sure ? "Yes, save" : "Save"}
        </Button>
        {changed && (
          <Button look="quiet" onClick={() => (setTyped(kept), setSure(false))}>
            Undo
          </Button>
        )}
        <span className={s.right}>
          {(settings !== null || keySource === "WORKSPACE") && (
            <Sure
              label={`Forget all that is set for ${title}`}
              sure="Forget it for good, its key too"
              busy={remove.isPending}
              onSure={() => remove.mutate(name)}
            >
              Forget all of it
            </Sure>
          )}
        </span>
      </div>
    </form>
  );
}

/** A provider under a name of the workspace's own: another account, or a server that speaks one of the known forms. */
export function NewProvider(props: { all: readonly Provider[]; onMade: (name: string) => void; onClose: () => void }) {
  const presets = props.all.filter((one) => !one.own && one.name !== "demo");
  const [name, setName] = useState("");
  const [preset, setPreset] = useState("openai");
  const [baseUrl, setBaseUrl] = useState("");
  const save = useSaveProvider();
  const taken = props.all.some((one) => one.name === name.trim());
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(
      { name: name.trim(), preset, baseUrl: baseUrl.trim() || null },
      { onSuccess: (done) => props.onMade(done.saveProvider.name) },
    );
  };
  return (
    <form className={`${s.form} ${s.fresh}`} onSubmit={submit} aria-label="A provider of your own">
      <div className={s.fields}>
        <TextField
          label="Name"
          value={name}
          onChange={setName}
          placeholder="Such as my-vllm"
          hint="As prompts and calls name it."
          problem={taken ? "There is a provider of this name." : null}
        />
        <SelectField
          label="It works like"
          value={preset}
          options={presets.map((one) => ({ value: one.name, title: one.title }))}
          onChange={setPreset}
        />
        <TextField
          label="Base URL"
          value={baseUrl}
          onChange={setBaseUrl}
          placeholder="https://"
          hint="Empty: the address of what it works like."
        />
      </div>
      {save.error && <Notice title="It could not be added" text={save.error.message} />}
      <div className={s.line}>
        <Button type="submit" look="primary" disabled={!name.trim() || taken || save.isPending}>
          Add
        </Button>
        <Button look="quiet" onClick={props.onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
