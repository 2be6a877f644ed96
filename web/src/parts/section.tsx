/** The parts that a record is laid out in: sections, folds, and the figures on top. */
import type { ReactNode } from "react";
import s from "./detail.module.css";
import { Icon } from "./icon";

interface Titled {
  title: string;
  /** What the landmark is called, where another on the page has the same title. */
  label?: string;
  note?: ReactNode;
  children: ReactNode;
}

export function Section({ title, label = title, note, children }: Titled) {
  return (
    <section className={s.section} aria-label={label}>
      <h2>
        {title}
        {note && <small>{note}</small>}
      </h2>
      {children}
    </section>
  );
}

export function Fold({ title, children }: { title: string; children: ReactNode }) {
  return (
    <details className={s.fold}>
      <summary>
        <Icon name="right" size={12} />
        {title}
      </summary>
      {children}
    </details>
  );
}

export const Fact = ({ name, value, note }: { name: string; value: string; note?: string | undefined }) => (
  <div>
    <dt>{name}</dt>
    <dd className="clip" title={note ?? value}>
      {value}
    </dd>
  </div>
);
