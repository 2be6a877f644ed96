/** A side panel that can be made wider, by pointer or arrow keys; its width is kept in this browser. */
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import s from "./detail.module.css";

const KEY = "promptforge.panel";
const LEAST = 380;

export function Panel({ label, children }: { label: string; children: ReactNode }) {
  const [width, setWidth] = useState(() => Number(localStorage.getItem(KEY)) || 560);
  const [held, setHeld] = useState(false);
  const panel = useRef<HTMLElement>(null);
  const most = Math.round(innerWidth * 0.7);
  const set = (next: number) => setWidth(Math.round(Math.min(most, Math.max(LEAST, next))));
  useEffect(() => localStorage.setItem(KEY, String(width)), [width]);

  const move = (event: PointerEvent) => {
    if (held && panel.current) set(panel.current.getBoundingClientRect().right - event.clientX);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowLeft" ? 32 : event.key === "ArrowRight" ? -32 : 0;
    if (!by) return;
    event.preventDefault();
    set(width + by);
  };
  return (
    <aside ref={panel} className={s.panel} aria-label={label} style={{ width }}>
      <div
        className={s.grip}
        role="separator"
        aria-label="Width of the panel"
        aria-orientation="vertical"
        aria-valuenow={width}
        aria-valuemin={LEAST}
        aria-valuemax={most}
        tabIndex={0}
        data-held={held}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setHeld(true);
        }}
        onPointerMove={move}
        onPointerUp={() => setHeld(false)}
        onPointerCancel={() => setHeld(false)}
        onDoubleClick={() => set(560)}
      />
      {children}
    </aside>
  );
}
