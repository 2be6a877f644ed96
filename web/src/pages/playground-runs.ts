/** The runs that the playground listens to, one a column. */
import { useEffect, useMemo, useRef, useState } from "react";
import { cancel, run, type RunEvent, type RunInput } from "../api/playground";
import { isLive } from "../api/live";
import type { Live } from "../parts/outcome";

interface Running {
  leave: () => void;
  id: string | null;
  /** Whether it is to be stopped as soon as it is known. */
  stop: boolean;
  /** What has come and is not shown yet. */
  text: string;
}

const PAUSE_MS = 40;

export interface Runs {
  lives: Readonly<Record<string, Live>>;
  start: (key: string, input: RunInput) => void;
  stop: (key: string) => void;
  forget: (key: string) => void;
}

/** *onStarted* learns the execution of a column as soon as there is one. */
export function useRuns(onStarted: (key: string, id: string) => void): Runs {
  const [lives, setLives] = useState<Readonly<Record<string, Live>>>({});
  const running = useRef(new Map<string, Running>());
  const started = useRef(onStarted);
  useEffect(() => {
    started.current = onStarted;
  });

  useEffect(() => {
    const all = running.current;
    const timer = setInterval(() => {
      for (const [key, one] of all) {
        if (!one.text) continue;
        const { text } = one;
        one.text = "";
        setLives((now) => (now[key] ? { ...now, [key]: { ...now[key], text: now[key].text + text } } : now));
      }
    }, PAUSE_MS);
    return () => {
      clearInterval(timer);
      for (const one of all.values()) one.leave();
      all.clear();
    };
  }, []);

  const verbs = useMemo(() => {
    const change = (key: string, next: Partial<Live>) =>
      setLives((now) => (now[key] ? { ...now, [key]: { ...now[key], ...next } } : now));
    const end = (key: string, next: Partial<Live>) => {
      running.current.delete(key);
      change(key, { busy: false, ...next });
    };
    const hear = (key: string, one: Running, event: RunEvent) => {
      const { kind, text, execution } = event;
      if (kind === "delta") one.text += text ?? "";
      else if (execution) {
        started.current(key, execution.id);
        one.id = execution.id;
        if (kind === "finished") return end(key, { outcome: execution });
        change(key, { outcome: execution });
        if (one.stop) void cancel(execution.id).catch(() => undefined);
      }
    };
    return {
      start: (key: string, input: RunInput) => {
        running.current.get(key)?.leave();
        setLives((now) => ({
          ...now,
          [key]: { since: Date.now(), busy: true, text: "", outcome: null, problem: null },
        }));
        const one: Running = { leave: () => undefined, id: null, stop: false, text: "" };
        running.current.set(key, one);
        one.leave = run(
          input,
          (event) => hear(key, one, event),
          (problem) => end(key, { problem }),
        );
      },
      stop: (key: string) => {
        const one = running.current.get(key);
        if (!one) return;
        one.stop = true;
        if (!one.id && !isLive()) {
          one.leave(); // it was never sent
          end(key, { problem: "It was stopped before the server was reached." });
        } else if (one.id) void cancel(one.id).catch((error: Error) => change(key, { problem: error.message }));
      },
      forget: (key: string) => {
        running.current.get(key)?.leave();
        running.current.delete(key);
        setLives(({ [key]: _, ...others }) => others);
      },
    };
  }, []);
  return { lives, ...verbs };
}
