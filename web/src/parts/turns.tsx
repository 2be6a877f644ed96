/** The messages of a prompt, to be written: who says it, and what. */
import { ROLES, type Turn } from "../playground";
import { Button, IconButton, inputClass } from "./controls";
import f from "./fields.module.css";
import { Icon } from "./icon";
import s from "./playground.module.css";

interface Props {
  /** What they belong to, for those who hear it. */
  label: string;
  turns: readonly Turn[];
  onChange: (turns: readonly Turn[]) => void;
}

export function Turns({ label, turns, onChange }: Props) {
  const set = (at: number, change: Partial<Turn>) =>
    onChange(turns.map((turn, n) => (n === at ? { ...turn, ...change } : turn)));
  const said = (n: number) => (turns.length > 1 ? `Message ${n + 1} of ${label}` : `Message of ${label}`);
  const next = turns.at(-1)?.role === "user" ? "assistant" : "user";
  return (
    <div className={s.turns}>
      {turns.map((turn, n) => (
        <div key={n} className={s.turn}>
          <div className={s.turnHead}>
            <select
              className={inputClass}
              aria-label={`Who says it: ${said(n)}`}
              value={turn.role}
              onChange={(event) => set(n, { role: event.target.value })}
            >
              {ROLES.map((role) => (
                <option key={role}>{role}</option>
              ))}
            </select>
            {turns.length > 1 && (
              <IconButton
                small
                icon="close"
                label={`Remove ${said(n)}`}
                onClick={() => onChange(turns.filter((_, at) => at !== n))}
              />
            )}
          </div>
          <textarea
            className={`${f.area} ${s.said}`}
            aria-label={said(n)}
            rows={turn.role === "system" ? 3 : 5}
            placeholder={turn.role === "system" ? "How the model should behave" : "What is asked; {{name}} is a variable"}
            value={turn.content}
            onChange={(event) => set(n, { content: event.target.value })}
          />
        </div>
      ))}
      <div className={s.samples}>
        {turns[0]?.role !== "system" && (
          <Button small look="quiet" onClick={() => onChange([{ role: "system", content: "" }, ...turns])}>
            <Icon name="plus" size={12} /> System message
          </Button>
        )}
        <Button small look="quiet" onClick={() => onChange([...turns, { role: next, content: "" }])}>
          <Icon name="plus" size={12} /> Message
        </Button>
      </div>
    </div>
  );
}
