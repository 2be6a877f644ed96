/** What kind of step it is and how it stands, as a small square: a sign for the kind, a colour for the state. */
import type { Part } from "../course";
import { words } from "../format";
import s from "./chains.module.css";
import { Icon, type IconName } from "./icon";

export const KINDS: Record<string, { icon: IconName; title: string }> = {
  PROMPT: { icon: "prompt", title: "Prompt" },
  CONDITION: { icon: "branch", title: "Condition" },
  TRANSFORM: { icon: "transform", title: "Transform" },
  MERGE: { icon: "merge", title: "Merge" },
  API_CALL: { icon: "globe", title: "API call" },
  MEMORY: { icon: "memory", title: "Memory" },
};

export function Glyph({ part }: { part: Pick<Part, "type" | "state"> }) {
  const kind = KINDS[part.type] ?? { icon: "executions" as const, title: words(part.type) };
  const said = part.state === "defined" ? kind.title : `${kind.title}, ${part.state}`;
  return (
    <span className={s.glyph} data-state={part.state} title={said}>
      <Icon name={kind.icon} size={12} />
      <span className="sr">{said}: </span>
    </span>
  );
}
