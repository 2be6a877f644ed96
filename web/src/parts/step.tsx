/** One step in full: how it ended, what it cost and took of the whole, what went in and what came out. */
import type { ComponentProps, ReactNode } from "react";
import type { Part } from "../course";
import { compact, latency, usd, words } from "../format";
import { href } from "../route";
import { Json, Text } from "./content";
import s from "./detail.module.css";
import { KINDS } from "./glyph";
import { Icon } from "./icon";
import { Link } from "./link";
import { Fact, Fold, Section as Plain } from "./section";

const Section = (props: ComponentProps<typeof Plain>) => <Plain {...props} label={`${props.title} of the step`} />;

const some = (value: unknown) => value !== null && value !== undefined;
const percent = (share: string | number | null) => (share === null ? undefined : `${share}% of the chain's`);

export function StepBody({ part, content }: { part: Part; content: boolean }) {
  const { step, call } = part;
  if (part.state === "skipped")
    return (
      <Section title="Left out">
        <p>{part.reason}</p>
      </Section>
    );
  if (!step)
    return (
      <Section title="Running">
        <p className={s.say}>It began {latency(part.offset)} after the chain. What comes out is here when it ends.</p>
        {call && <Call id={call.id} name={call.promptName ?? call.model} />}
      </Section>
    );
  return (
    <>
      <dl className={s.facts}>
        <Fact name="Time" value={latency(step.latencyMs)} note={percent(step.shareOfTime)} />
        <Fact name="Began after" value={latency(step.offsetMs)} />
        <Fact
          name="Tokens"
          value={
            step.tokenIn === null && step.tokenOut === null
              ? "–"
              : `${compact(step.tokenIn ?? 0)} → ${compact(step.tokenOut ?? 0)}`
          }
        />
        <Fact name="Cost" value={step.costDisplay ?? step.costState} note={percent(step.shareOfCost)} />
      </dl>
      <p className={s.say}>
        {[
          step.critical ? "On the critical path." : "Not on the critical path.",
          step.shareOfTime !== null && `${step.shareOfTime}% of the time`,
          step.shareOfCost !== null && `${step.shareOfCost}% of the cost`,
        ]
          .filter(Boolean)
          .join(" ")
          .replace("% of the time ", "% of the time, ")}
        {step.costExact !== null && step.executionId && ` (${usd(step.costExact)})`}
        {"."}
      </p>
      {step.error && (
        <Section title="Error" note={step.errorType ? words(step.errorType) : undefined}>
          <p className={s.error}>{step.error}</p>
          {step.stackTrace && (
            <Fold title="Stack trace">
              <Text text={step.stackTrace} label="Stack trace" code />
            </Fold>
          )}
        </Section>
      )}
      {step.executionId && (
        <Section title="Call" note={step.reusedFrom ? "made by the chain execution that this one forks" : undefined}>
          <Call
            id={step.executionId}
            name={step.execution?.promptName ?? step.execution?.model ?? step.executionId}
            version={step.execution?.promptVersion?.version}
            note={[step.execution?.promptName && step.execution.model, step.execution?.provider]
              .filter(Boolean)
              .join(" · ")}
          />
        </Section>
      )}
      {step.tag && (
        <Section title="Decision">
          <p>
            It activated <span className={s.tag}>{step.tag}</span>
          </p>
        </Section>
      )}
      {step.reusedFrom && (
        <Section title="Taken over">
          <p>
            <Link className={s.link} href={href("/chain-executions", { id: step.reusedFrom, step: step.name })}>
              From the chain execution that this one forks
            </Link>
            <span className="muted">, at no cost.</span>
          </p>
        </Section>
      )}
      {content && some(step.output) && (
        <Section title="Output">
          <Json value={step.output} label="Output" />
        </Section>
      )}
      {content && some(step.input) && (
        <Section title="Input">
          <Json value={step.input} label="Input" />
        </Section>
      )}
      {step.attempts.length > 1 && (
        <Section title="Attempts" note={String(step.attempts.length)}>
          <table className={s.table} aria-label="Attempts">
            <tbody>
              {step.attempts.map((one) => (
                <tr key={one.number}>
                  <th scope="row">
                    {one.number}. {words(one.errorType ?? one.status)}
                  </th>
                  <td>{one.httpStatus && `HTTP ${one.httpStatus}`}</td>
                  <td>{latency(one.latencyMs)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Section>
      )}
    </>
  );
}

export const kindOf = (type: string): string => KINDS[type]?.title ?? words(type);

function Call(props: { id: string; name: string; version?: number | undefined; note?: ReactNode }) {
  return (
    <p className={s.call}>
      <Link className={s.link} href={href("/executions", { id: props.id })}>
        {props.name}
        {props.version !== undefined && ` v${props.version}`}
        <Icon name="right" size={12} />
      </Link>
      {props.note && <span className="muted clip">{props.note}</span>}
    </p>
  );
}
