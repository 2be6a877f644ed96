/** How a chain execution went, for drawing: what ran, what runs and what was left out, in waves, against one clock. */
import type { ChainDetail, Step } from "./api/chain-executions";

export interface Part {
  name: string;
  order: number;
  type: string;
  state: "success" | "error" | "running" | "skipped";
  /** Milliseconds from the start; both 0 where it did not run. */
  offset: number;
  length: number;
  critical: boolean;
  step: Step | null;
  /** The call that is under way. */
  call: ChainDetail["runningSteps"][number]["execution"] | null;
  reason: string | null;
}

export interface Course {
  parts: readonly Part[];
  waves: readonly (readonly Part[])[];
  /** Milliseconds that the drawing is wide. */
  whole: number;
}

export function course(detail: ChainDetail, now: number): Course {
  const since = Date.parse(detail.startedAt ?? detail.createdAt);
  const elapsed = detail.status === "pending" ? Math.max(0, now - since) : 0;
  const done = new Set(detail.steps.map((step) => step.name));
  const nothing = { critical: false, step: null, call: null, reason: null };
  const parts: Part[] = [
    ...detail.steps.map((step) => ({
      ...nothing,
      name: step.name,
      order: step.order,
      type: step.type,
      state: step.status === "error" ? ("error" as const) : ("success" as const),
      offset: step.offsetMs,
      length: step.latencyMs,
      critical: step.critical,
      step,
    })),
    ...detail.runningSteps
      .filter((one) => !done.has(one.name))
      .map((one) => ({
        ...nothing,
        name: one.name,
        order: one.order,
        type: "PROMPT",
        state: "running" as const,
        offset: one.offsetMs,
        length: Math.max(0, elapsed - one.offsetMs),
        call: one.execution,
      })),
    ...detail.skippedSteps.map((one) => ({
      ...nothing,
      name: one.name,
      order: one.order,
      type: one.type,
      state: "skipped" as const,
      offset: 0,
      length: 0,
      reason: one.reason,
    })),
  ];
  // in the order of the chain; within a wave what began first, and what was left out last
  parts.sort(
    (a, b) =>
      a.order - b.order || Number(a.state === "skipped") - Number(b.state === "skipped") || a.offset - b.offset,
  );
  const waves: Part[][] = [];
  for (const part of parts) {
    const last = waves.at(-1);
    if (last && last[0]?.order === part.order) last.push(part);
    else waves.push([part]);
  }
  const whole = Math.max(1, detail.latencyMs ?? elapsed, ...parts.map((part) => part.offset + part.length));
  return { parts, waves, whole };
}

/** Round marks of a time axis, at most five: 0, 200, 400 ms. */
export function marks(whole: number): readonly number[] {
  const least = whole / 5;
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  const step = Math.max(1, ([1, 2, 5, 10].find((n) => n * power >= least) ?? 10) * power);
  return Array.from({ length: Math.floor(whole / step) + 1 }, (_, n) => n * step);
}
