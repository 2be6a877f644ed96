/** Connect: the exact lines that send a program's calls here, and a light that turns green when the first one came. */
import { useState, type FormEvent, type ReactNode } from "react";
import { useLast, useStored, type Came, type Last } from "../api/connect";
import { useCreateKey, type Scope, type Session } from "../api/session";
import { ago } from "../format";
import { Button, inputClass, Notice, Segments, Snippet } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Link } from "../parts/link";
import { Status } from "../parts/status";
import { Tabs } from "../parts/tabs";
import { adjust, href, useRoute } from "../route";
import { WAYS, type Way } from "../ways";
import s from "./connect.module.css";
import page from "./overview.module.css";

/** A key that was made here. It is held by the open page alone: no storage, no address. */
interface Made {
  name: string;
  secret: string;
  scopes: readonly Scope[];
}

const PLACEHOLDER = "pf_…";
const WHOSE = [
  { value: "server", title: "the server's" },
  { value: "own", title: "the program's own" },
] as const;
const MAY: Record<Scope, string> = {
  INGEST: "send executions",
  RUN: "run models with the server's keys of providers",
  READ: "read",
  ADMIN: "administer",
};

export function Connect({ session }: { session: Session }) {
  const { params } = useRoute();
  const way = WAYS.find((one) => one.name === params.get("way")) ?? (WAYS[0] as Way);
  const [made, setMade] = useState<readonly Made[]>([]);
  const { last, came, error } = useLast();
  return (
    <div className={page.page}>
      <div className={page.head}>
        <h1>Connect</h1>
        <p>Every call of every program, in the record</p>
      </div>
      <div className={`${page.body} ${s.body}`}>
        {error && <Notice title="What came in could not be read" text={error.message} />}
        <Tabs
          label="Ways to connect"
          tabs={WAYS.map(({ name, title }) => ({
            name,
            title,
            note: <Light came={came(name)} last={last[name]} />,
          }))}
          chosen={way.name}
          onChoose={(name) => adjust({ way: name === WAYS[0]?.name ? null : name }, true)}
        >
          <Panel
            key={way.name}
            way={way}
            session={session}
            made={made}
            onMade={(key) => setMade([...made, key])}
            arrival={<Arrival came={came(way.name)} last={last[way.name]} />}
          />
        </Tabs>
      </div>
    </div>
  );
}

interface Standing {
  came: Came;
  last: Last | undefined;
}

const CAME = { first: "The first row came", another: "A new row came" } as const;

/** How a way stands, in a sign. */
function Light({ came, last }: Standing) {
  const state = came ? "came" : last ? "used" : "waiting";
  const said = came ? CAME[came] : last ? `Last row ${ago(last.createdAt)}` : "No row yet";
  return (
    <span className={s.light} data-state={state} title={said}>
      {state === "waiting" ? <i aria-hidden="true" /> : <Icon name="check" size={14} />}
      <span className="sr">, {said}</span>
    </span>
  );
}

/** The same in words, with the way to the row. */
function Arrival({ came, last }: Standing) {
  if (!last)
    return (
      <p className={s.arrival} data-state="waiting" role="status">
        <i aria-hidden="true" />
        <span>Waiting for the first row. It shows here the moment it comes.</span>
      </p>
    );
  const what = [last.model, last.service && `of ${last.service}`].filter(Boolean).join(" ");
  return (
    <p className={s.arrival} data-state={came ? "came" : "used"} role="status">
      <Icon name="check" />
      <span>
        {came ? <b>{CAME[came]}: </b> : <>Last row {ago(last.createdAt)}: </>}
        {what}
      </span>
      <Status status={last.status} errorType={last.errorType} pill />
      <Link href={href("/executions", { id: last.id })}>Show it</Link>
    </p>
  );
}

interface PanelProps {
  way: Way;
  session: Session;
  made: readonly Made[];
  onMade: (key: Made) => void;
  arrival: ReactNode;
}

function Panel({ way, session, made, onMade, arrival }: PanelProps) {
  const stored = useStored(session);
  const lacking = way.provider !== null && stored(way.provider) === false;
  const [whose, setWhose] = useState<"server" | "own" | null>(null);
  const own = way.provider !== null && (whose ?? (lacking ? "own" : "server")) === "own";
  const scopes = way.scopes(own);
  const key = made.findLast((one) => scopes.every((scope) => one.scopes.includes(scope)));
  const lines = way.lines({ url: location.origin, key: key?.secret ?? PLACEHOLDER, own });
  return (
    <div className={s.panel}>
      <div className={s.about}>
        <h2>{way.title}</h2>
        <p>{way.about}</p>
      </div>
      {arrival}
      {way.provider && (
        <div className={s.whose}>
          <span id="whose">The provider is called with a key that is</span>
          <Segments
            label="Whose key of the provider is used"
            value={own ? "own" : "server"}
            options={WHOSE}
            onChange={setWhose}
          />
          {lacking && !own && (
            <p className={s.warning}>
              No key of {way.provider} is stored here. An administrator stores it with{" "}
              <code>promptforge secret set {way.provider.toUpperCase()}_API_KEY</code>.
            </p>
          )}
        </div>
      )}
      <KeyForm scopes={scopes} made={key} onMade={onMade} />
      <ol className={s.steps}>
        {lines.map((one) => (
          <li key={one.title}>
            <h3>{one.title}</h3>
            <Snippet text={one.text} label={one.title} />
            {one.note && <p>{one.note}</p>}
          </li>
        ))}
      </ol>
      {way.name === "file" && (
        <p className={s.more}>
          <Link href={href("/import")}>Or choose a file here</Link>, look at its first rows and say what its columns mean.
        </p>
      )}
    </div>
  );
}

function KeyForm({ scopes, made, onMade }: { scopes: readonly Scope[]; made: Made | undefined; onMade: (key: Made) => void }) {
  const create = useCreateKey();
  const [name, setName] = useState("");
  const may = scopes.map((scope) => MAY[scope]).join(" and ");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(
      { name: name.trim(), scopes: [...scopes] },
      { onSuccess: ({ createKey: { secret, key } }) => onMade({ name: key.name, secret, scopes }) },
    );
  };
  if (made)
    return (
      <p className={s.key} data-made role="status">
        <Icon name="key" />
        <span>
          The key <b>{made.name}</b> is filled in below; it may {may}. Copy the lines now: it is not shown again once you
          leave this page.
        </span>
      </p>
    );
  return (
    <form className={s.key} onSubmit={submit} aria-label="Key for this way">
      <Icon name="key" />
      <label htmlFor="key-name">
        A key for this, which may {may}. Put one of yours in the place of <code>{PLACEHOLDER}</code>, or create one:
      </label>
      <div className={s.create}>
        <input
          id="key-name"
          className={inputClass}
          placeholder="Name of the program, such as support-desk"
          value={name}
          maxLength={80}
          required
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" look="primary" disabled={!name.trim() || create.isPending} style={{ height: 32 }}>
          Create and fill in
        </Button>
      </div>
      {create.error && <p className={s.warning} role="alert">{create.error.message}</p>}
    </form>
  );
}
