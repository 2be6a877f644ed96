/** By which road an execution came, as a sign and in words. */
import type { Row } from "../api/executions";
import { Icon, type IconName } from "./icon";
import s from "./source.module.css";

export type Source = Row["source"];

const ROADS: Record<Source, { icon: IconName; title: string }> = {
  api: { icon: "globe", title: "API" },
  cli: { icon: "prompt", title: "Command line" },
  sdk: { icon: "executions", title: "Client" },
  gateway: { icon: "plug", title: "Gateway" },
  otlp: { icon: "waves", title: "OpenTelemetry" },
  import: { icon: "import", title: "Import" },
  demo: { icon: "play", title: "Demo" },
};

export const roadOf = (source: Source): string => ROADS[source].title;

/** A sign for what other programs ran; nothing for what ran here. */
export function Captured({ source }: { source: Source }) {
  if (source !== "gateway" && source !== "otlp" && source !== "import") return null;
  const { icon, title } = ROADS[source];
  return (
    <span className={s.sign} title={title}>
      <Icon name={icon} size={12} />
      <span className="sr">{title}</span>
    </span>
  );
}

/** That nobody reported what was used. */
export const Estimated = () => (
  <span className={s.estimated} title="The provider reported no usage: tokens and cost are estimated">
    estimated
  </span>
);
