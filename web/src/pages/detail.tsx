/** One execution in full, in the order one asks: how did it end, what came out, what went in, what did it cost, how long. */
import { useExecution, type Detail } from "../api/executions";
import { ago, compact, latency, moment } from "../format";
import { Json, Text, Turns, turns } from "../parts/content";
import { Bone, Copy, IconButton, Notice } from "../parts/controls";
import { Costs, Usage } from "../parts/costs";
import s from "../parts/detail.module.css";
import { Identity } from "../parts/identity";
import { Link } from "../parts/link";
import { Panel } from "../parts/panel";
import { Fact, Fold, Section } from "../parts/section";
import { Estimated } from "../parts/source";
import { Status } from "../parts/status";
import { Timing } from "../parts/timing";
import { go, href } from "../route";

interface Props {
  id: string;
  content: boolean;
  onClose: () => void;
  onStep: (by: number) => void;
}

export function DetailPanel({ id, content, onClose, onStep }: Props) {
  const answer = useExecution(id, content);
  const detail = answer.data;
  return (
    <Panel label="Execution">
      <header className={s.head}>
        <div className={s.bar}>
          {detail ? (
            <Status pill status={detail.status} errorType={detail.errorType} />
          ) : (
            <Bone width={80} height={20} />
          )}
          <IconButton small icon="up" label="Previous execution (k)" onClick={() => onStep(-1)} />
          <IconButton small icon="down" label="Next execution (j)" onClick={() => onStep(1)} />
          <Copy value={`${location.origin}${href("/executions", { id })}`} label="Copy a link to this execution" />
          {content && detail && (
            <IconButton
              small
              icon="play"
              label="Open in the playground"
              onClick={() => go(href("/playground", { execution: id }))}
            />
          )}
          <IconButton small icon="close" label="Close (Esc)" onClick={onClose} />
        </div>
        {detail && <Title detail={detail} />}
      </header>
      {answer.error && (
        <div className={s.wait}>
          <Notice
            title="This execution could not be read"
            text={answer.error.message}
            onRetry={() => void answer.refetch()}
          />
        </div>
      )}
      {detail === null && !answer.error && (
        <div className={s.wait}>
          <p className="muted">No execution with this id exists in this workspace.</p>
        </div>
      )}
      {answer.isPending && (
        <div className={s.wait} aria-busy="true">
          {[70, 96, 88, 92, 60].map((width) => (
            <Bone key={width} width={`${width}%`} />
          ))}
        </div>
      )}
      {detail && (
        <div className={s.body} key={detail.id}>
          <Sections detail={detail} content={content} />
        </div>
      )}
    </Panel>
  );
}

function Title({ detail }: { detail: Detail }) {
  const { promptName, promptVersion } = detail;
  return (
    <>
      <h2 className={s.title}>
        {promptName ? (
          <Link className="clip" href={href("/executions", { prompt: promptName })}>
            {promptName}
          </Link>
        ) : (
          <span className="clip">{detail.model}</span>
        )}
        {promptVersion && <span className={s.tag}>v{promptVersion.version}</span>}
        {detail.label && <span className={s.tag}>{detail.label}</span>}
        {detail.usageSource === "estimated" && <Estimated />}
      </h2>
      <p className={`${s.under} clip`}>
        {promptName && `${detail.model} · `}
        <time dateTime={detail.createdAt} title={moment(detail.createdAt)}>
          {moment(detail.createdAt)}
        </time>{" "}
        ({ago(detail.createdAt)})
      </p>
    </>
  );
}

function Sections({ detail, content }: { detail: Detail; content: boolean }) {
  const { cost, usage, request, metadata } = detail;
  const said = turns(request);
  const some = (value: unknown) => value !== null && value !== undefined;
  const leaves = Object.entries((usage ?? {}) as Record<string, number>);
  return (
    <>
      <dl className={s.facts}>
        <Fact name="Latency" value={latency(detail.latencyMs)} />
        <Fact name="First token" value={latency(detail.firstTokenMs)} />
        <Fact
          name="Tokens"
          value={
            detail.tokenIn === null && detail.tokenOut === null
              ? "–"
              : `${compact(detail.tokenIn ?? 0)} → ${compact(detail.tokenOut ?? 0)}`
          }
        />
        <Fact name="Cost" value={cost.display ?? (cost.state === "pending" ? "–" : cost.state)} />
      </dl>
      {detail.error && (
        <Section title="Error">
          <p className={s.error}>{detail.error}</p>
          {detail.stackTrace && (
            <Fold title="Stack trace">
              <Text text={detail.stackTrace} label="Stack trace" code />
            </Fold>
          )}
        </Section>
      )}
      {!content && <p className={`${s.section} ${s.say}`}>Your role shows figures, not what went in and came out.</p>}
      {detail.contentExpired && (
        <p className={`${s.section} ${s.say}`}>The content has passed its retention time. The figures stay.</p>
      )}
      {some(detail.output) && (
        <Section title="Output">
          <Text text={detail.output ?? ""} label="Output" />
        </Section>
      )}
      {!some(detail.output) && some(detail.outputJson) && (
        <Section title="Output">
          <Json value={detail.outputJson} label="Output" />
        </Section>
      )}
      {some(detail.input) && (
        <Section title="Input">
          <Json value={detail.input} label="Input" />
        </Section>
      )}
      {some(request) && (
        <Section title="Request" note={detail.source === "otlp" ? "as its span says" : "as sent to the provider"}>
          {said.length > 0 && <Turns said={said} />}
          {said.length > 0 ? (
            <Fold title="The whole request">
              <Json value={request} label="Request" />
            </Fold>
          ) : (
            <Json value={request} label="Request" />
          )}
        </Section>
      )}
      <Section title="Cost" note={cost.usd !== null ? `${cost.display ?? ""}` : undefined}>
        <Costs detail={detail} />
      </Section>
      {(leaves.length > 0 || some(detail.usageRaw)) && (
        <Section title="Usage" note={detail.usageSource === "estimated" ? "estimated" : undefined}>
          {leaves.length > 0 && <Usage usage={Object.fromEntries(leaves)} />}
          {detail.usageUnknown && detail.usageUnknown.length > 0 && (
            <p className={s.unread} role="note" aria-label="Not understood">
              The provider also reported what is not understood here, so it is in no figure and no cost:{" "}
              {detail.usageUnknown.map((path, n) => (
                <code key={path}>
                  {n > 0 && ", "}
                  {path}
                </code>
              ))}
            </p>
          )}
          {some(detail.usageRaw) && (
            <Fold title="As the provider reported it">
              <Json value={detail.usageRaw} label="Reported usage" />
            </Fold>
          )}
        </Section>
      )}
      <Section title="Timing" note={detail.attempts.length > 1 ? `${detail.attempts.length} attempts` : undefined}>
        <Timing detail={detail} />
      </Section>
      <Section title="Details">
        <Identity detail={detail} />
      </Section>
      {some(metadata) && (
        <Section title="Metadata">
          <Json value={metadata} label="Metadata" />
        </Section>
      )}
    </>
  );
}
