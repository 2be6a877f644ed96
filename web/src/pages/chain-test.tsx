/** Try a chain: give it an input, run it, and watch its steps here. */
import { useEffect, useState } from "react";
import { useChainExecution, useExecuteChain } from "../api/chain-executions";
import type { Chain } from "../api/chains";
import { useActivity } from "../api/overview";
import { course } from "../course";
import { latency } from "../format";
import { object } from "../json";
import { Json } from "../parts/content";
import { Button, Notice } from "../parts/controls";
import d from "../parts/detail.module.css";
import { Editor } from "../parts/editor";
import { Icon } from "../parts/icon";
import { Link } from "../parts/link";
import { Section } from "../parts/section";
import { Status } from "../parts/status";
import { Waterfall } from "../parts/waterfall";
import { go, href } from "../route";
import s from "./chains.module.css";

const EMPTY: Record<string, unknown> = { number: 0, integer: 0, boolean: false, array: [], object: {} };

/** An input with what a schema asks for, to be filled in. */
function sample(schema: unknown): string {
  const { properties } = (schema ?? {}) as {
    properties?: Record<string, { type?: string; default?: unknown; enum?: unknown[] }>;
  };
  const given = Object.entries(properties ?? {}).map(([name, one]) => [
    name,
    one.default ?? one.enum?.[0] ?? EMPTY[one.type ?? ""] ?? "",
  ]);
  return JSON.stringify(Object.fromEntries(given), null, 2);
}

export function TestRun({ chain, changed }: { chain: Chain; changed: boolean }) {
  const [text, setText] = useState(() => sample(chain.requiredInputs));
  const [running, setRunning] = useState<string | null>(null);
  const execute = useExecuteChain();
  const input = object(text);
  const run = () =>
    execute.mutate(
      { chainId: chain.id, input: input.value ?? {} },
      { onSuccess: (done) => setRunning(done.executeChain.id) },
    );
  return (
    <Section title="Test run" note={changed ? "of what is saved: save first to try what is typed" : "of the latest version"}>
      <Editor label="Input of the test run" value={text} onChange={setText} rows={6} />
      <div className={s.run}>
        <Button look="primary" disabled={execute.isPending || input.problem !== null} onClick={run}>
          <Icon name="play" size={12} /> Run
        </Button>
        {input.problem && <span className={d.bad}>{input.problem}</span>}
      </div>
      {execute.error && <Notice title="It could not be run" text={execute.error.message} />}
      {running && <Result key={running} id={running} />}
    </Section>
  );
}

function Result({ id }: { id: string }) {
  const answer = useChainExecution(id, true);
  const detail = answer.data;
  const pending = detail?.status === "pending";
  useActivity(pending ? ["chain-execution"] : ["chain"], 300);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!pending) return;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [pending]);
  if (!detail) return answer.error ? <Notice title="It could not be read" text={answer.error.message} /> : null;
  const open = (step: string | null) => go(href("/chain-executions", { id, step }));
  return (
    <div className={s.result} role="region" aria-label="Result of the test run">
      <p className={s.outcome}>
        <Status pill status={detail.status} errorType={detail.errorType} />
        {!pending && (
          <span className="muted">
            {latency(detail.latencyMs)} · {detail.cost.display}
          </span>
        )}
        <Link className={d.link} href={href("/chain-executions", { id })}>
          Open it
          <Icon name="right" size={12} />
        </Link>
      </p>
      {detail.error && <p className={d.error}>{detail.error}</p>}
      {(detail.steps.length > 0 || detail.runningSteps.length > 0) && (
        <Waterfall course={course(detail, now)} selected={null} onSelect={open} />
      )}
      {detail.output !== null && detail.output !== undefined && <Json value={detail.output} label="Output" />}
    </div>
  );
}
