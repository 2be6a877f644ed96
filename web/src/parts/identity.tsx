/** Who and what an execution belongs to; what can be filtered by is a link that does. */
import type { ReactNode } from "react";
import type { Detail } from "../api/executions";
import { words } from "../format";
import { href } from "../route";
import { Copy } from "./controls";
import s from "./detail.module.css";
import { Link } from "./link";
import { roadOf } from "./source";

/** A tag as the filter writes it. */
export function tagged(tags: unknown): string[] {
  if (typeof tags !== "object" || tags === null) return [];
  return Object.entries(tags).map(([key, value]) => (value === "" || value === null ? key : `${key}=${String(value)}`));
}

/** The step of the chain execution that made this call. */
const InChain = ({ detail, id }: { detail: Detail; id: string }) => (
  <>
    <Link href={href("/chain-executions", { id, step: detail.step })}>
      {[detail.chainName ?? id, detail.step].filter(Boolean).join(" › ")}
    </Link>
    <Copy value={id} label="Copy the chain execution's id" />
  </>
);

export function Identity({ detail }: { detail: Detail }) {
  const { promptVersion } = detail;
  const filter = (name: string, value: string, shown = value) => (
    <Link href={href("/executions", { [name]: value })} title="Show executions like this">
      {shown}
    </Link>
  );
  const id = (value: string, label: string) => (
    <>
      <span className="mono">{value}</span>
      <Copy value={value} label={`Copy the ${label}`} />
    </>
  );
  const tags = tagged(detail.tags);
  const rows: [string, ReactNode][] = [
    ["Execution", id(detail.id, "execution's id")],
    ["Prompt", detail.promptName && filter("prompt", detail.promptName)],
    ["Version", promptVersion && id(promptVersion.id, "version's id")],
    ["Label", detail.label && filter("label", detail.label)],
    ["Provider", filter("provider", detail.provider)],
    ["Model", filter("model", detail.model)],
    ["Answered by", detail.responseModel !== detail.model && detail.responseModel],
    ["Finish reason", detail.finishReason],
    ["Source", filter("source", detail.source, roadOf(detail.source))],
    ["Service", detail.service && filter("service", detail.service)],
    ["Account", detail.user && (detail.user.email ?? detail.user.name)],
    ["End user", detail.endUser && filter("user", detail.endUser)],
    ["Session", detail.sessionId && filter("session", detail.sessionId)],
    ["Chain", detail.chainExecutionId && <InChain detail={detail} id={detail.chainExecutionId} />],
    ["Delivery", [detail.streamed && "streamed", detail.cached && "from cache"].filter(Boolean).join(", ")],
    ["Usage", detail.usageSource !== "none" && words(detail.usageSource)],
    ["Tags", tags.length > 0 && tags.map((tag) => <span key={tag}>{filter("tag", tag)}</span>)],
  ];
  return (
    <dl className={s.list}>
      {rows.map(([name, value]) => value && [<dt key={name}>{name}</dt>, <dd key={`${name} value`}>{value}</dd>])}
    </dl>
  );
}
