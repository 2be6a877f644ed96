/** Health: that nothing is lost, as numbers that add up, and what the server needs to stay well. */
import type { ReactNode } from "react";
import { useHealth, type Health as State } from "../api/health";
import { useRetention, type Retention, type Rule } from "../api/retention";
import { bytes, calendarDate, count, time, when, words } from "../format";
import { Bone, Notice } from "../parts/controls";
import { Icon } from "../parts/icon";
import s from "./health.module.css";
import page from "./overview.module.css";

const OUTCOMES = ["received", "stored", "duplicate", "rejected"] as const;

export function Health() {
  const health = useHealth();
  const retention = useRetention();
  return (
    <div className={page.page}>
      <div className={page.head}>
        <h1>Health</h1>
        <p>
          {health.data && (
            <>
              {health.data.whole ? "The whole server" : "This workspace"}, as of <time dateTime={health.data.at}>{time(health.data.at)}</time>
            </>
          )}
        </p>
      </div>
      <div className={page.body} aria-busy={health.isPending}>
        {health.error && (
          <Notice
            title="The server's health could not be read"
            text={health.error.message}
            onRetry={() => void health.refetch()}
          />
        )}
        {health.data ? <Figures state={health.data} /> : !health.error && <Bone width="100%" height={120} />}
        {retention.error && (
          <Notice
            title="What is kept could not be read"
            text={retention.error.message}
            onRetry={() => void retention.refetch()}
          />
        )}
        {retention.data && <Kept retention={retention.data} />}
      </div>
    </div>
  );
}

function Figures({ state }: { state: State }) {
  const { problem, counters, stores, problems } = state;
  const well = state.history && !problem;
  return (
    <>
      <section className={page.card} aria-label="State">
        <p className={s.state} data-well={well}>
          <Icon name={well ? "check" : "alert"} />
          <span>
            <b>{well ? "All is well" : "History is behind"}</b>
            {problem && `: ${problem}`}
          </span>
        </p>
        <dl className={s.facts}>
          <Fact name="Running" value={count(state.open)} />
          <Fact name="Waiting for history" value={count(state.journaled)} />
          <Fact name="The first waits for" value={state.journaled ? seconds(state.oldestSeconds) : "–"} />
          <Fact name="Free on the disk" value={state.freeBytes === null ? "–" : bytes(state.freeBytes)} />
        </dl>
      </section>
      <Card title="What came in since the start" note="received = stored + duplicate + rejected">
        {counters.length ? <Counters counters={counters} /> : <p className={s.empty}>Nothing came in yet.</p>}
      </Card>
      <div className={s.pair}>
        <Card title="Stores">
          {stores.length ? <Stores stores={stores} /> : <p className={s.empty}>Shown to administrators of the workspace default.</p>}
        </Card>
        <Card title="Last problems">
          {problems.length ? (
            <ul className={s.problems}>
              {problems.map((one) => (
                <li key={`${one.at} ${one.text}`}>
                  <time dateTime={one.at}>{when(one.at)}</time>
                  <span>{one.text}</span>
                </li>
              ))}
            </ul>
          ) : (
            <p className={s.empty}>{state.whole ? "None." : "Shown to administrators of the workspace default."}</p>
          )}
        </Card>
      </div>
    </>
  );
}

function Counters({ counters }: { counters: State["counters"] }) {
  const total = (name: (typeof OUTCOMES)[number]) => counters.reduce((sum, one) => sum + one[name], 0);
  return (
    <Numbers label="What came in" heads={["Source", ...OUTCOMES.map(words)]}>
      <tbody>
        {counters.map((one) => (
          <tr key={one.source}>
            <th scope="row">{one.source}</th>
            {OUTCOMES.map((name) => (
              <td key={name}>{count(one[name])}</td>
            ))}
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">All</th>
          {OUTCOMES.map((name) => (
            <td key={name}>{count(total(name))}</td>
          ))}
        </tr>
      </tfoot>
    </Numbers>
  );
}

function Stores({ stores }: { stores: State["stores"] }) {
  return (
    <Numbers label="Stores" heads={["Store", "Rows", "Size"]}>
      <tbody>
        {stores.map((one) => (
          <tr key={one.name}>
            <th scope="row">{words(one.name)}</th>
            <td>{one.rows === null ? "–" : count(one.rows)}</td>
            <td>{bytes(one.bytes)}</td>
          </tr>
        ))}
      </tbody>
    </Numbers>
  );
}

const POLICIES = { ALL: "of all executions", ERRORS: "of errors only", NONE: "of no execution" } as const;

/** The rules of the workspace, and when content that is made today would go by each. */
function Kept({ retention }: { retention: Retention }) {
  const { rules, keys } = retention;
  const whole = rules.some((rule) => about(rule) === EVERYTHING);
  return (
    <Card title="What is kept" note="Content; figures stay">
      <Numbers label="What is kept" heads={["Content of", "Is kept", "Made today, it goes on"]}>
        <tbody>
          {rules.map((rule) => (
            <tr key={`${rule.promptId} ${rule.tagKey} ${rule.tagValue} ${rule.errors}`}>
              <th scope="row">{about(rule)}</th>
              <td>{rule.days === null ? "for ever" : rule.days === 0 ? "not" : days(rule.days)}</td>
              <td>{rule.expiresOn && rule.days ? calendarDate(rule.expiresOn) : "–"}</td>
            </tr>
          ))}
          {!whole && (
            <tr>
              <th scope="row">{rules.length ? "everything else" : EVERYTHING}</th>
              <td>{days(retention.defaultDays)}, to the end of the month</td>
              <td>{calendarDate(retention.defaultExpiresOn)}</td>
            </tr>
          )}
        </tbody>
      </Numbers>
      <p className={s.empty}>
        Kept at all: {POLICIES[retention.content]} of this workspace
        {keys.map((key) => `; with the key ${key.keyId}, ${POLICIES[key.content]}`)}.
      </p>
    </Card>
  );
}

const EVERYTHING = "everything";

function about(rule: Rule): string {
  const parts = [
    rule.promptId && `prompt ${rule.prompt?.name ?? rule.promptId}`,
    rule.tagKey && `tag ${rule.tagKey}=${rule.tagValue}`,
    rule.errors && "errors",
  ];
  return parts.filter(Boolean).join(", ") || EVERYTHING;
}

const days = (n: number): string => `${count(n)} ${n === 1 ? "day" : "days"}`;

function Numbers(props: { label: string; heads: readonly string[]; children: ReactNode }) {
  return (
    <div className={s.wide} tabIndex={0} role="group" aria-label={`${props.label}, scrolls sideways`}>
      <table className={s.table} aria-label={props.label}>
        <thead>
          <tr>
            {props.heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        {props.children}
      </table>
    </div>
  );
}

function Card({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
  return (
    <section className={page.card} aria-label={title}>
      <div className={page.cardHead}>
        <h2>{title}</h2>
        {note && <p>{note}</p>}
      </div>
      {children}
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const seconds = (n: number): string => (n < 120 ? `${n.toFixed(n < 10 ? 1 : 0)} s` : `${Math.round(n / 60)} min`);
