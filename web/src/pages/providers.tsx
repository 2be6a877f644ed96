/** Settings of providers: how each stands at a glance, a test, and a form in its place. */
import { useState } from "react";
import { useActivity } from "../api/overview";
import { useProviders, useTestProvider, type Provider, type Tested } from "../api/providers";
import type { Session } from "../api/session";
import { ago, count, latency, time } from "../format";
import { Bone, Button, IconButton, Notice } from "../parts/controls";
import { Icon } from "../parts/icon";
import s from "../parts/providers.module.css";
import { adjust, useRoute } from "../route";
import { NewProvider, ProviderForm } from "./provider-form";

export function Providers({ session }: { session: Session }) {
  const answer = useProviders();
  useActivity(["providers"], 2_000);
  const { params } = useRoute();
  const open = params.get("provider");
  const mayChange = session.me.permissions.includes("admin");
  const [adding, setAdding] = useState(false);
  const all = useStable(answer.data ?? []);
  const ready = all.filter((one) => one.ready).length;
  return (
    <div className={s.page}>
      <header className={s.head}>
        <div>
          <h1>Providers</h1>
          <p className="muted">
            Who runs models for this workspace. Keys are stored sealed and shown to nobody again.
            {!mayChange && " Only administrators may change them."}
          </p>
        </div>
        {mayChange && (
          <Button onClick={() => setAdding(!adding)} aria-expanded={adding}>
            <Icon name="plus" size={12} /> One of your own
          </Button>
        )}
      </header>
      {answer.error && (
        <Notice
          title="The providers could not be read"
          text={answer.error.message}
          onRetry={() => void answer.refetch()}
        />
      )}
      {answer.isPending && (
        <div className={s.list} aria-busy="true" aria-label="Loading">
          {[1, 2, 3].map((n) => (
            <div key={n} className={s.row}>
              <Bone width="40%" />
            </div>
          ))}
        </div>
      )}
      {adding && (
        <NewProvider
          all={all}
          onClose={() => setAdding(false)}
          onMade={(name) => {
            setAdding(false);
            adjust({ provider: name });
          }}
        />
      )}
      {all.length > 0 && (
        <section aria-label="All providers">
          <h2 className={s.group}>
            All <small>{`${ready} of ${all.length} ready`}</small>
          </h2>
          <ul className={s.list}>
            {all.map((one) => (
              <Row key={one.name} provider={one} open={open === one.name} mayChange={mayChange} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

/** Those that are ready first, as long as nobody works on them: a row does not jump when its key is stored. */
function useStable(all: readonly Provider[]): readonly Provider[] {
  const [order, setOrder] = useState<readonly string[]>([]);
  const fresh = all.filter((one) => !order.includes(one.name));
  if (fresh.length > 0) {
    const sorted = [...fresh].sort((a, b) => Number(b.ready) - Number(a.ready));
    setOrder([...order, ...sorted.map((one) => one.name)]);
  }
  return order.flatMap((name) => all.find((one) => one.name === name) ?? []);
}

const KEYS: Record<Provider["keySource"], string> = {
  WORKSPACE: "key of this workspace",
  PROCESS: "key of the server",
  NONE_NEEDED: "needs no key",
  MISSING: "no key",
};

/** Where it is called, as short as it is clear. */
function host(address: string): string {
  try {
    return new URL(address).host;
  } catch {
    return address;
  }
}

const stands = ({ ready, state }: Provider): string =>
  state.breaker !== "CLOSED" ? "Failing" : ready ? "Ready" : "Not set up";

interface OutcomeProps {
  tested: Tested | null;
  problem: string | null;
  onClose: () => void;
}

/** What a test found, in a sentence. */
function Outcome({ tested, problem, onClose }: OutcomeProps) {
  const wrong = problem ?? tested?.problem ?? null;
  const listed = tested?.models ?? null;
  return (
    <p className={s.tested} data-well={wrong === null}>
      <Icon name={wrong === null ? "check" : "alert"} size={14} />
      <span>
        {wrong !== null
          ? sentence(wrong)
          : `It answered in ${latency(tested?.latencyMs)}${listed === null ? ". It lists no models." : ` and lists ${count(listed)} ${listed === 1 ? "model" : "models"}.`}`}
      </span>
      <IconButton small icon="close" label="Close" onClick={onClose} />
    </p>
  );
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function Row({ provider, open, mayChange }: { provider: Provider; open: boolean; mayChange: boolean }) {
  const { name, title, ready, why, keySource, keySetAt, address, settings, state } = provider;
  const test = useTestProvider();
  const limits = settings && [
    settings.atOnce && `${settings.atOnce} at once`,
    settings.requestsPerMinute && `${settings.requestsPerMinute} requests a minute`,
    settings.tokensPerMinute && `${settings.tokensPerMinute} tokens a minute`,
  ];
  const facts = [
    provider.own && `works like ${provider.preset}`,
    keySetAt ? `${KEYS[keySource]}, set ${ago(keySetAt)}` : KEYS[keySource],
    address && host(address),
    ...(limits || []),
    state.running > 0 && `${count(state.running)} running`,
    state.waiting > 0 && `${count(state.waiting)} waiting for their turn`,
  ].filter(Boolean);
  const broken = state.breaker !== "CLOSED";
  return (
    <li className={s.item} data-open={open}>
      <div className={s.row}>
        <span className={s.state} data-ready={ready} data-broken={broken} title={stands(provider)}>
          <Icon name={broken ? "alert" : ready ? "check" : "plug"} size={14} />
          <span className="sr">{stands(provider)}: </span>
        </span>
        <div className={s.name}>
          <h3>
            {title} {name !== title && <code className="muted">{name}</code>}
          </h3>
          <p className="muted">{facts.join(" · ")}</p>
          {broken && (
            <p className={s.why}>
              {count(state.failures)} calls in a row failed by its fault
              {state.openSince && `, so it is not called since ${time(state.openSince)}`}.{" "}
              {state.breaker === "HALF_OPEN"
                ? "One call is trying it now."
                : state.retryAt && `It is tried again from ${time(state.retryAt)} on.`}
            </p>
          )}
          {why && keySource !== "MISSING" && <p className={s.why}>{sentence(why)}</p>}
        </div>
        {mayChange && (
          <span className={s.tools}>
            <Button
              small
              look="quiet"
              aria-label={`Test ${title}`}
              disabled={test.isPending}
              onClick={() => test.mutate(name)}
            >
              {test.isPending ? "Testing" : "Test"}
            </Button>
            {name !== "demo" && (
              <Button
                small
                look={open ? "on" : undefined}
                aria-expanded={open}
                aria-label={`${open ? "Close" : ready ? "Change" : "Set up"} ${title}`}
                onClick={() => adjust({ provider: open ? null : name }, true)}
              >
                {open ? "Close" : ready ? "Change" : "Set up"}
              </Button>
            )}
          </span>
        )}
      </div>
      <div role="status" aria-label={`Test of ${title}`}>
        {(test.data ?? test.error) && (
          <Outcome
            tested={test.data?.testProvider ?? null}
            problem={test.error?.message ?? null}
            onClose={() => test.reset()}
          />
        )}
      </div>
      {open && mayChange && name !== "demo" && <ProviderForm key={name} provider={provider} />}
    </li>
  );
}
