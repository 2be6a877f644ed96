/** Tabs beside what they choose: one is in the tab order, arrows go on. */
import type { KeyboardEvent, ReactNode } from "react";
import s from "./tabs.module.css";

export interface Tab {
  name: string;
  title: string;
  note: ReactNode;
}

export function Tabs(props: {
  label: string;
  tabs: readonly Tab[];
  chosen: string;
  onChoose: (name: string) => void;
  children: ReactNode;
}) {
  const { tabs, chosen, onChoose } = props;
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const at = tabs.findIndex((tab) => tab.name === chosen);
    const next = tabs[(at + by + tabs.length) % tabs.length];
    if (!next) return;
    event.preventDefault();
    onChoose(next.name);
    document.getElementById(`tab-${next.name}`)?.focus();
  };
  return (
    <div className={s.split}>
      <div className={s.tabs} role="tablist" aria-label={props.label} aria-orientation="vertical" onKeyDown={onKeyDown}>
        {tabs.map((tab) => (
          <button
            key={tab.name}
            id={`tab-${tab.name}`}
            type="button"
            role="tab"
            className={s.tab}
            aria-selected={tab.name === chosen}
            aria-controls={`panel-${tab.name}`}
            tabIndex={tab.name === chosen ? 0 : -1}
            onClick={() => onChoose(tab.name)}
          >
            <span className="clip">{tab.title}</span>
            {tab.note}
          </button>
        ))}
      </div>
      <div className={s.panel} role="tabpanel" id={`panel-${chosen}`} aria-label={tabs.find((tab) => tab.name === chosen)?.title}>
        {props.children}
      </div>
    </div>
  );
}
