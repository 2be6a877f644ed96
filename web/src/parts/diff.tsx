/** A unified diff, line by line; a sign and a colour say what became of each. */
import s from "./diff.module.css";

const KINDS: Record<string, string> = { "+": "added", "-": "removed", "@": "place" };

export function Diff({ text, label }: { text: string; label: string }) {
  const lines = text.replace(/\n$/, "").split("\n").filter((line) => !/^(---|\+\+\+) /.test(line));
  return (
    <pre className={s.diff} tabIndex={0} role="group" aria-label={label}>
      {lines.map((line, n) => (
        <span key={n} data-kind={KINDS[line.charAt(0)]}>
          {line || " "}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
