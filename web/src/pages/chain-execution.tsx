/** One chain execution: what came of it, its course in time or as a graph, and any of its steps beside it. */
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useCancelChain, useChainExecution, useForkChain, type ChainDetail } from "../api/chain-executions";
import { useActivity } from "../api/overview";
import { course, type Course } from "../course";
import { ago, compact, count, instant, latency, moment, usd } from "../format";
import { Json, Text } from "../parts/content";
import { Bone, Button, Copy, IconButton, Notice, Segments } from "../parts/controls";
import { Usage } from "../parts/costs";
import d from "../parts/detail.module.css";
import { Flow } from "../parts/flow";
import { ForkDialog } from "../parts/fork";
import { Icon } from "../parts/icon";
import { tagged } from "../parts/identity";
import { Link } from "../parts/link";
import { Panel } from "../parts/panel";
import { Fact, Fold, Section } from "../parts/section";
import { roadOf } from "../parts/source";
import { Status } from "../parts/status";
import { kindOf, StepBody } from "../parts/step";
import { Waterfall } from "../parts/waterfall";
import { adjust, href, useRoute } from "../route";
import s from "./chain-execution.module.css";
import { typing } from "./shell";

type View = "time" | "graph";
const VIEW = "promptforge.course";
const some = (value: unknown) => value !== null && value !== undefined;

export function ChainExecutionPage({ id, permissions }: { id: string; permissions: readonly string[] }) {
  const content = permissions.includes("content");
  const mayRun = permissions.includes("run");
  const { params } = useRoute();
  const answer = useChainExecution(id, content);
  const detail = answer.data;
  useActivity(detail?.status === "pending" ? ["chain-execution"] : ["any-chain"], 500);
  const now = useNow(detail?.status === "pending");
  const drawn = useMemo(() => (detail ? course(detail, now) : null), [detail, now]);
  const name = params.get("step");
  const part = drawn?.parts.find((one) => one.name === name) ?? null;
  const select = useCallback((step: string | null) => adjust({ step }, true), []);
  useKeys(drawn, part?.name ?? null, select);
  return (
    <div className={s.page}>
      <div className={s.body}>
        <div className={s.column}>
          <p className={s.back}>
            <Back />
          </p>
          {answer.error && (
            <Notice
              title="This chain execution could not be read"
              text={answer.error.message}
              onRetry={() => void answer.refetch()}
            />
          )}
          {detail === null && !answer.error && (
            <p className="muted">No chain execution with this id exists in this workspace.</p>
          )}
          {answer.isPending && (
            <div className={d.wait} aria-busy="true">
              {[40, 96, 88, 92, 60].map((width) => (
                <Bone key={width} width={`${width}%`} />
              ))}
            </div>
          )}
          {detail && drawn && (
            <Whole
              detail={detail}
              drawn={drawn}
              content={content}
              mayRun={mayRun}
              selected={part?.name ?? null}
              select={select}
            />
          )}
        </div>
      </div>
      {part && (
        <Panel label="Step">
          <header className={d.head}>
            <div className={d.bar}>
              <span className="muted">{kindOf(part.type)}</span>
              {detail && mayRun && content && detail.status !== "pending" && detail.chainId !== null && part.step && (
                <Forking key={part.name} detail={detail} step={part.name} />
              )}
              <IconButton small icon="up" label="Previous step (k)" onClick={() => move(drawn, part.name, -1, select)} />
              <IconButton small icon="down" label="Next step (j)" onClick={() => move(drawn, part.name, 1, select)} />
              <IconButton small icon="close" label="Close (Esc)" onClick={() => select(null)} />
            </div>
            <h2 className={d.title}>
              <span className="clip">{part.name}</span>
              {part.step && <Status pill status={part.step.status} errorType={part.step.errorType} />}
              {part.state === "running" && <Status pill status="pending" />}
            </h2>
          </header>
          <div className={d.body} key={part.name}>
            {!content && <p className={`${d.section} ${d.say}`}>Your role shows figures, not what went in and came out.</p>}
            <StepBody part={part} content={content} />
          </div>
        </Panel>
      )}
    </div>
  );
}

/** Run it again from this step; the page then shows that run. */
function Forking({ detail, step }: { detail: ChainDetail; step: string }) {
  const [asking, setAsking] = useState(false);
  const fork = useForkChain();
  return (
    <>
      <Button small onClick={() => setAsking(true)}>
        <Icon name="fork" size={12} /> Fork from here
      </Button>
      {asking && (
        <ForkDialog
          step={step}
          version={detail.version}
          problem={fork.error?.message ?? null}
          busy={fork.isPending}
          onFork={(given) =>
            fork.mutate(
              { id: detail.id, fromStep: step, ...given },
              { onSuccess: (done) => adjust({ id: done.forkChainExecution.id, step: null }) },
            )
          }
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}

/** To the list, as it was filtered. */
function Back() {
  const { params } = useRoute();
  const kept = Object.fromEntries(
    [...new Set(params.keys())].filter((key) => key !== "id" && key !== "step").map((key) => [key, params.getAll(key)]),
  );
  return (
    <Link href={href("/chain-executions", kept)}>
      <Icon name="left" size={12} /> Chain executions
    </Link>
  );
}

function Whole(props: {
  detail: ChainDetail;
  drawn: Course;
  content: boolean;
  mayRun: boolean;
  selected: string | null;
  select: (step: string | null) => void;
}) {
  const { detail, drawn, content, selected, select } = props;
  const [view, setView] = useState<View>(() => (localStorage.getItem(VIEW) === "graph" ? "graph" : "time"));
  useEffect(() => localStorage.setItem(VIEW, view), [view]);
  const toggle = (step: string) => select(step === selected ? null : step);
  const leaves = Object.entries((detail.usage ?? {}) as Record<string, number>);
  return (
    <>
      <Head detail={detail} mayRun={props.mayRun} />
      <dl className={`${d.facts} ${s.facts}`}>
        <Fact name="Duration" value={latency(detail.latencyMs)} />
        <Fact
          name="Cost"
          value={`${detail.cost.display}${detail.cost.state === "priced" || detail.cost.state === "pending" ? "" : "+"}`}
          note={usd(detail.cost.usd)}
        />
        <Fact
          name="Tokens"
          value={`${compact(detail.tokenIn)} → ${compact(detail.tokenOut)}`}
          note={`${count(detail.tokenIn)} in, ${count(detail.tokenOut)} out`}
        />
        <Fact
          name="Steps"
          value={`${detail.steps.length}${detail.skippedSteps.length ? `, ${detail.skippedSteps.length} left out` : ""}`}
        />
      </dl>
      {(detail.cost.state === "unknown" || detail.cost.state === "unpriced") && (
        <p className={d.say}>
          {detail.cost.state === "unknown"
            ? "What one of its calls used is not known, so it cost at least this much."
            : "There is no price for one of its calls, so it cost at least this much."}
        </p>
      )}
      {detail.status === "error" && (
        <section className={d.section} aria-label="Error">
          <p className={d.error}>
            {detail.error ?? "It failed."}{" "}
            {detail.failedStep && (
              <button type="button" className={d.link} onClick={() => select(detail.failedStep)}>
                Show the step {detail.failedStep}
              </button>
            )}
          </p>
          {detail.stackTrace && (
            <Fold title="Stack trace">
              <Text text={detail.stackTrace} label="Stack trace" code />
            </Fold>
          )}
        </section>
      )}
      <section className={d.section} aria-label="Course">
        <div className={s.tools}>
          <h2>Course</h2>
          {detail.criticalPath.length > 1 && (
            <p className="muted clip" title={detail.criticalPath.join(" → ")}>
              Critical path: {detail.criticalPath.join(" → ")}
            </p>
          )}
          <Segments
            label="How the course is shown"
            value={view}
            options={[
              { value: "time", title: "Time" },
              { value: "graph", title: "Graph" },
            ]}
            onChange={setView}
          />
        </div>
        {drawn.parts.length === 0 ? (
          <p className={d.say}>{detail.status === "pending" ? "No step has ended yet." : "No step ran."}</p>
        ) : view === "time" ? (
          <Waterfall course={drawn} selected={selected} onSelect={toggle} />
        ) : (
          <Flow course={drawn} selected={selected} onSelect={toggle} />
        )}
      </section>
      {!content && <p className={`${d.section} ${d.say}`}>Your role shows figures, not what went in and came out.</p>}
      {detail.contentExpired && (
        <p className={`${d.section} ${d.say}`}>The content has passed its retention time. The figures stay.</p>
      )}
      <div className={s.pair}>
        {some(detail.output) && (
          <Section title="Output">
            <Json value={detail.output} label="Output" />
          </Section>
        )}
        {some(detail.input) && (
          <Section title="Input">
            <Json value={detail.input} label="Input" />
          </Section>
        )}
        <Section title="Details">
          <Identity detail={detail} />
        </Section>
        <div>
          {leaves.length > 0 && (
            <Section title="Usage" note={`${usd(detail.cost.usd)} in all`}>
              <Usage usage={Object.fromEntries(leaves)} />
            </Section>
          )}
          {some(detail.metadata) && (
            <Section title="Metadata">
              <Json value={detail.metadata} label="Metadata" />
            </Section>
          )}
          {Object.keys((detail.overrides ?? {}) as object).length > 0 && (
            <Section title="Overrides" note="of this run alone">
              <Json value={detail.overrides} label="Overrides" />
            </Section>
          )}
        </div>
      </div>
    </>
  );
}

function Head({ detail, mayRun }: { detail: ChainDetail; mayRun: boolean }) {
  const cancel = useCancelChain(detail.id);
  const captured = detail.source === "otlp";
  return (
    <header className={s.head}>
      <h1>
        {detail.chainName ? (
          <Link
            className="clip"
            href={detail.chainId ? href("/chains", { id: detail.chainId }) : href("/chain-executions", { chain: detail.chainName })}
          >
            {detail.chainName}
          </Link>
        ) : (
          <span>Captured chain</span>
        )}
        {detail.version !== null && <span className={d.tag}>v{detail.version}</span>}
        {detail.label && <span className={d.tag}>{detail.label}</span>}
        {captured && detail.chainName && <span className={d.tag}>captured</span>}
        <Status pill status={detail.status} errorType={detail.errorType} />
        <span className={s.actions}>
          {mayRun && detail.status === "pending" && !captured && (
            
            <Button small disabled={cancel.isPending} onClick={() => cancel.mutate()}>
              <Icon name="stop" size={12} /> Cancel
            </Button>
          )}
          <Copy
            value={`${location.origin}${href("/chain-executions", { id: detail.id })}`}
            label="Copy a link to this chain execution"
          />
        </span>
      </h1>
      <p className="muted">
        <time dateTime={detail.createdAt} title={moment(detail.createdAt)}>
          {moment(detail.createdAt)}
        </time>{" "}
        ({ago(detail.createdAt)})
        {detail.forkedFrom && (
          <>
            {" · forked from "}
            <Link className={d.link} href={href("/chain-executions", { id: detail.forkedFrom })}>
              an earlier one
            </Link>
          </>
        )}
      </p>
    </header>
  );
}

function Identity({ detail }: { detail: ChainDetail }) {
  const filter = (name: string, value: string, shown = value) => (
    <Link href={href("/chain-executions", { [name]: value })} title="Show chain executions like this">
      {shown}
    </Link>
  );
  const at = (iso: string | null) =>
    iso && (
      <time dateTime={iso} title={moment(iso)}>
        {instant(iso)}
      </time>
    );
  const tags = tagged(detail.tags);
  const rows: [string, ReactNode][] = [
    [
      "Chain execution",
      <>
        <span className="mono">{detail.id}</span>
        <Copy value={detail.id} label="Copy the chain execution's id" />
      </>,
    ],
    ["Accepted", at(detail.createdAt)],
    ["Ended", at(detail.endedAt)],
    ["Deadline", detail.deadlineMs > 0 && latency(detail.deadlineMs)],
    ["Cost ceiling", detail.maxCostUsd !== null && usd(detail.maxCostUsd)],
    ["Source", filter("source", detail.source, roadOf(detail.source))],
    ["Service", detail.service && filter("service", detail.service)],
    ["Account", detail.user && (detail.user.email ?? detail.user.name)],
    ["End user", detail.endUser && filter("user", detail.endUser)],
    ["Session", detail.sessionId && filter("session", detail.sessionId)],
    ["Tags", tags.length > 0 && tags.map((tag) => <span key={tag}>{filter("tag", tag)}</span>)],
  ];
  return (
    <dl className={d.list}>
      {rows.map(([name, value]) => value && [<dt key={name}>{name}</dt>, <dd key={`${name} value`}>{value}</dd>])}
    </dl>
  );
}

/** The time, moving while something runs. */
function useNow(moving: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!moving) return;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [moving]);
  return now;
}

function move(drawn: Course | null, selected: string | null, by: number, select: (step: string) => void): void {
  const parts = drawn?.parts ?? [];
  const at = parts.findIndex((part) => part.name === selected);
  const next = parts[Math.min(parts.length - 1, Math.max(0, at + by))];
  if (next) select(next.name);
}

function useKeys(drawn: Course | null, selected: string | null, select: (step: string | null) => void): void {
  const latest = useRef({ drawn, selected });
  useEffect(() => {
    latest.current = { drawn, selected };
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (typing(event) || event.defaultPrevented) return;
      const { drawn, selected } = latest.current;
      if (event.key === "j") move(drawn, selected, 1, select);
      else if (event.key === "k") move(drawn, selected, -1, select);
      else if (event.key === "Escape") {
        if (selected) select(null);
        else adjust({ id: null, step: null });
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [select]);
}
