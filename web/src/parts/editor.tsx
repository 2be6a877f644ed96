/** A plain text area with line numbers, in which the lines that are wrong are marked. */
import { useRef } from "react";
import s from "./editor.module.css";

export interface Mark {
  line: number;
  severity: "error" | "warning";
}

interface Props {
  label: string;
  value: string;
  onChange?: (value: string) => void;
  marks?: readonly Mark[];
  /** How many lines are visible; as many as there is room for when it is not said. */
  rows?: number;
  describedBy?: string;
}

export function Editor({ label, value, onChange, marks = [], rows, describedBy }: Props) {
  const gutter = useRef<HTMLDivElement>(null);
  const lines = value.split("\n").length;
  const worst = new Map<number, Mark["severity"]>();
  for (const mark of marks) if (worst.get(mark.line) !== "error") worst.set(mark.line, mark.severity);
  return (
    <div className={s.editor}>
      <div ref={gutter} className={s.gutter} aria-hidden="true">
        {Array.from({ length: lines }, (_, n) => (
          <span key={n} data-severity={worst.get(n + 1)}>
            {n + 1}
          </span>
        ))}
      </div>
      <textarea
        className={rows === undefined ? `${s.text} ${s.tall}` : s.text}
        aria-label={label}
        aria-invalid={[...worst.values()].includes("error")}
        aria-describedby={describedBy}
        value={value}
        rows={rows ?? 20}
        wrap="off"
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        readOnly={!onChange}
        onChange={(event) => onChange?.(event.target.value)}
        onScroll={(event) => {
          if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}

/** Put the cursor at the beginning of a line of the text area that is called so. */
export function goToLine(label: string, line: number): void {
  const area = document.querySelector<HTMLTextAreaElement>(`textarea[aria-label="${label}"]`);
  if (!area) return;
  const lines = area.value.split("\n");
  const at = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  area.focus();
  area.setSelectionRange(at, at + (lines[line - 1]?.length ?? 0));
  area.scrollTop = Math.max(0, (line - 4) * (area.scrollHeight / lines.length));
}
