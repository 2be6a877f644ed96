/** Services: which programs call, when each was last seen, how it does, and what of it was refused. */
import { useServices, type Service } from "../api/services";
import { ago, amount, compact, count, moment, percent } from "../format";
import { Bone, Notice, Segments } from "../parts/controls";
import { Link } from "../parts/link";
import { roadOf } from "../parts/source";
import { adjust, href, useRoute } from "../route";
import page from "./overview.module.css";
import s from "./services.module.css";

const WINDOWS = [
  { value: "1h", title: "1 hour", minutes: 60 },
  { value: "24h", title: "24 hours", minutes: 1_440 },
  { value: "7d", title: "7 days", minutes: 7 * 1_440 },
  { value: "30d", title: "30 days", minutes: 30 * 1_440 },
] as const;
/** Seen within so many milliseconds, it counts as there. */
const THERE = 5 * 60_000;
const NAMELESS = "No service said";

export function Services() {
  const { params } = useRoute();
  const window = WINDOWS.find((one) => one.value === params.get("window")) ?? WINDOWS[1];
  const services = useServices(window.minutes);
  const refused = services.data?.filter((one) => one.rejected > 0) ?? [];
  return (
    <div className={page.page}>
      <div className={page.head}>
        <h1>Services</h1>
        <p>{services.data && services.data.length > 0 && `${count(services.data.length)} in all time, the last seen first`}</p>
        <Segments
          label="Time window"
          value={window.value}
          options={WINDOWS}
          onChange={(value) => adjust({ window: value === WINDOWS[1].value ? null : value })}
        />
      </div>
      <div className={page.body} aria-busy={services.isPlaceholderData || services.isPending}>
        {services.error && (
          <Notice
            title="The services could not be read"
            text={services.error.message}
            onRetry={() => void services.refetch()}
          />
        )}
        {services.isPending && <Bone width="100%" height={120} />}
        {services.data?.length === 0 && <Nobody />}
        {services.data && services.data.length > 0 && <Table services={services.data} range={window.value} />}
        {refused.length > 0 && <Refused services={refused} />}
      </div>
    </div>
  );
}

function Nobody() {
  return (
    <section className={`${page.card} ${s.empty}`} aria-label="No services">
      <h2>No program calls yet</h2>
      <p>Two lines of environment are enough for most: the page has them for OpenAI, Anthropic, LangChain and others.</p>
      <Link className={s.action} href={href("/connect")}>
        Connect a program
      </Link>
    </section>
  );
}

const HEADS = ["Last seen", "Calls", "A minute", "Errors", "Success", "Open", "Tokens", "Cost", "Rejected"] as const;

function Table({ services, range }: { services: readonly Service[]; range: string }) {
  return (
    <section className={page.card} aria-label="Services">
      <div className={s.wide} tabIndex={0} role="group" aria-label="Services, scrolls sideways">
        <table className={s.table} aria-label="Services">
          <thead>
            <tr>
              <th scope="col">Service</th>
              {HEADS.map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {services.map((one) => (
              <Row key={one.name ?? ""} one={one} range={range} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ one, range }: { one: Service; range: string }) {
  const { figures: own, lastSeen } = one;
  const there = lastSeen !== null && Date.now() - Date.parse(lastSeen) < THERE;
  const silent = own.cost.unpriced + own.cost.unknown > 0 && amount(own.cost.usd) === 0n;
  return (
    <tr>
      <th scope="row">
        <span className={s.name}>
          <i data-there={there} aria-hidden="true" />
          {one.name === null || lastSeen === null ? (
            <span className="muted clip">{one.name ?? NAMELESS}</span>
          ) : (
            <Link className="clip" href={href("/executions", { service: one.name, range })} title={one.name}>
              {one.name}
            </Link>
          )}
          {one.sources.map((source) => (
            <small key={source}>{roadOf(source)}</small>
          ))}
        </span>
      </th>
      <td>{lastSeen ? <time dateTime={lastSeen} title={moment(lastSeen)}>{ago(lastSeen)}</time> : "never"}</td>
      <td title={`${count(own.runs)} runs`}>{count(own.calls)}</td>
      <td>{rate(one.callsPerMinute, own.calls)}</td>
      <td className={own.error ? s.bad : undefined}>{count(own.error)}</td>
      <td>{percent(own.successRate, 1)}</td>
      <td>{own.pending ? count(own.pending) : "–"}</td>
      <td title={`${count(own.tokenIn)} in, ${count(own.tokenOut)} out`}>{compact(own.tokenIn + own.tokenOut)}</td>
      <td>{silent ? <span className="muted">{own.cost.unpriced ? "unpriced" : "unknown"}</span> : own.cost.display}</td>
      <td className={one.rejected ? s.bad : undefined}>{one.rejected ? count(one.rejected) : "–"}</td>
    </tr>
  );
}

/** Why something was refused, by service; it never became an execution. */
function Refused({ services }: { services: readonly Service[] }) {
  return (
    <section className={page.card} aria-label="Rejected">
      <div className={page.cardHead}>
        <h2>Rejected on the way in</h2>
        <p>Since the server started; each with the last reason</p>
      </div>
      <ul className={s.refused}>
        {services.map((one) => (
          <li key={one.name ?? ""}>
            <b className="clip">{one.name ?? NAMELESS}</b>
            <span className={s.bad}>{count(one.rejected)}</span>
            <span>{one.lastRejection?.text ?? "The reason is shown to who may see content."}</span>
            {one.lastRejection && (
              <time dateTime={one.lastRejection.at} title={moment(one.lastRejection.at)}>
                {ago(one.lastRejection.at)}
              </time>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Calls a minute; never 0 for what is not nothing. */
function rate(perMinute: number | null, calls: number): string {
  if (perMinute === null) return "–";
  if (perMinute < 0.01) return calls ? "< 0.01" : "0";
  return perMinute >= 100 ? count(Math.round(perMinute)) : perMinute.toFixed(perMinute < 10 ? 2 : 1);
}
