/** What came of a run: the text as it comes, then how it ended, how long it took, what it used and what it cost. */
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Outcome } from "../api/playground";
import { amount, count, latency, usd, words } from "../format";
import { href } from "../route";
import { Json, Text } from "./content";
import { Notice } from "./controls";
import d from "./detail.module.css";
import { Icon } from "./icon";
import { Link } from "./link";
import s from "./playground.module.css";
import { Estimated } from "./source";
import { Status } from "./status";

export interface Live {
  /** When it was asked for, in milliseconds. */
  since: number;
  busy: boolean;
  text: string;
  outcome: Outcome | null;
  /** Why it could not even begin. */
  problem: string | null;
}

function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 100);
    return () => clearInterval(timer);
  }, []);
  return <span className="muted">{latency(Math.max(0, now - since))}</span>;
}

/** The figures of which less is better. */
export type Lowest = "latency" | "first" | "cost";
const NONE: ReadonlySet<Lowest> = new Set();

/** Where each of several runs was better than all others: faster, sooner, cheaper. */
export function lowest(lives: Readonly<Record<string, Live>>): Readonly<Record<string, ReadonlySet<Lowest>>> {
  const done = Object.entries(lives).flatMap(([key, { outcome }]) =>
    outcome?.status === "success" ? [{ key, outcome }] : [],
  );
  const found: Record<string, Set<Lowest>> = {};
  const compare = <Value extends number | bigint>(name: Lowest, read: (outcome: Outcome) => Value | null) => {
    const all = done.map(({ key, outcome }) => ({ key, value: read(outcome) }));
    if (all.length < 2 || all.some(({ value }) => value === null)) return;
    const [first, second] = all.sort((a, b) => (a.value! < b.value! ? -1 : a.value! > b.value! ? 1 : 0));
    if (first && second && first.value! < second.value!) (found[first.key] ??= new Set()).add(name);
  };
  compare("latency", (outcome) => outcome.latencyMs);
  compare("first", (outcome) => outcome.firstTokenMs);
  compare("cost", ({ cost }) => (cost.usd === null ? null : amount(cost.usd)));
  return found;
}

interface ResultProps {
  label: string;
  live: Live;
  /** Where it was better than the other columns. */
  best?: ReadonlySet<Lowest> | undefined;
}

export function Result({ label, live, best = NONE }: ResultProps) {
  const { outcome, busy, text, problem } = live;
  if (problem) return <Notice title="It could not be run" text={problem} />;
  const done = outcome !== null && outcome.status !== "pending";
  const shown = done ? (outcome.output ?? text) : text;
  return (
    <div className={s.result} role="region" aria-label={`Result of ${label}`} aria-busy={busy}>
      <p className={s.outcome}>
        <Status pill status={outcome?.status ?? "pending"} errorType={outcome?.errorType ?? null} />
        {busy && <Elapsed since={live.since} />}
        {outcome && outcome.usageSource === "estimated" && <Estimated />}
        {outcome && (
          <Link className={d.link} href={href("/executions", { id: outcome.id })}>
            Open it
            <Icon name="right" size={12} />
          </Link>
        )}
      </p>
      {done && outcome.error && <p className={d.error}>{outcome.error}</p>}
      {shown ? (
        busy ? (
          <Stream text={shown} label={`Output of ${label}`} />
        ) : (
          <Text text={shown} label={`Output of ${label}`} />
        )
      ) : done && outcome.outputJson !== null && outcome.outputJson !== undefined ? (
        <Json value={outcome.outputJson} label={`Output of ${label}`} />
      ) : (
        done && outcome.status === "success" && <p className="muted">It said nothing.</p>
      )}
      {done && <Figures outcome={outcome} best={best} />}
    </div>
  );
}

/** Text as it comes: its end is in view, unless somebody scrolled up to read. */
function Stream({ text, label }: { text: string; label: string }) {
  const box = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  const top = useRef(0);
  useLayoutEffect(() => {
    if (!box.current || !follows.current) return;
    box.current.scrollTop = box.current.scrollHeight;
    top.current = box.current.scrollTop;
  }, [text]);
  return (
    <pre
      ref={box}
      className={s.stream}
      tabIndex={0}
      role="group"
      aria-label={label}
      onScroll={({ currentTarget: at }) => {
        // its own scrolling is told late, when more has come already: only the way up is somebody's
        const up = at.scrollTop < top.current;
        top.current = at.scrollTop;
        if (at.scrollHeight - at.scrollTop - at.clientHeight < 24) follows.current = true;
        else if (up) follows.current = false;
      }}
    >
      {text}
    </pre>
  );
}

function Figures({ outcome, best }: { outcome: Outcome; best: ReadonlySet<Lowest> }) {
  const usage = (outcome.usage ?? {}) as Record<string, number>;
  const { cost } = outcome;
  const some = (n: number | undefined, word: string) => (n ? `${count(n)} ${word}` : null);
  const model = outcome.responseModel && outcome.responseModel !== outcome.model ? outcome.responseModel : null;
  return (
    <dl className={s.figures}>
      <Figure name="Latency" value={latency(outcome.latencyMs)} best={best.has("latency") && "fastest"} />
      <Figure name="First token" value={latency(outcome.firstTokenMs)} best={best.has("first") && "soonest"} />
      <Figure
        name="Tokens in"
        value={outcome.tokenIn === null ? "–" : count(outcome.tokenIn)}
        note={some(usage["input_cache_read"], "from cache")}
      />
      <Figure
        name="Tokens out"
        value={outcome.tokenOut === null ? "–" : count(outcome.tokenOut)}
        note={some(usage["output_reasoning"], "reasoning")}
      />
      <Figure
        name="Cost"
        value={cost.display ?? cost.state}
        best={best.has("cost") && "cheapest"}
        note={cost.usd === null ? "not counted as zero" : usd(cost.usd)}
      />
      <Figure name="Ended" value={outcome.finishReason ? words(outcome.finishReason) : "–"} note={model} />
    </dl>
  );
}

interface FigureProps {
  name: string;
  value: string;
  note?: string | null;
  /** What it is among the columns. */
  best?: string | false;
}

function Figure({ name, value, note, best }: FigureProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        {best && <small className={s.best}>{best}</small>}
        {note && note !== value && <small>{note}</small>}
      </dd>
    </div>
  );
}
