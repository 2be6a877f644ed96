/** How a chain execution went, for drawing: what ran, what runs and what was left out, in waves, against one clock. */
import type { ChainDetail, Step } from "./api/chain-executions";

export interface Part {
  name: string;
  order: number;
  type: string;
  /** The last two are of a chain that is defined: whether something is wrong with the step. */
  state: "success" | "error" | "running" | "skipped" | "defined" | "wrong";
  /** Milliseconds from the start; both 0 where it did not run. */
  offset: number;
  length: number;
  critical: boolean;
  step: Step | null;
  /** The call that is under way. */
  call: ChainDetail["runningSteps"][number]["execution"] | null;
  reason: string | null;
  /** What a step that is defined does, in a few words. */
  plan: string | null;
}

export interface Course {
  parts: readonly Part[];
  waves: readonly (readonly Part[])[];
  /** Milliseconds that the drawing is wide. */
  whole: number;
}

const nothing = { offset: 0, length: 0, critical: false, step: null, call: null, reason: null, plan: null };

function inWaves(parts: readonly Part[]): Part[][] {
  const waves: Part[][] = [];
  for (const part of parts) {
    const last = waves.at(-1);
    if (last && last[0]?.order === part.order) last.push(part);
    else waves.push([part]);
  }
  return waves;
}

export function course(detail: ChainDetail, now: number): Course {
  const since = Date.parse(detail.startedAt ?? detail.createdAt);
  const elapsed = detail.status === "pending" ? Math.max(0, now - since) : 0;
  const done = new Set(detail.steps.map((step) => step.name));
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
  tellApart(parts);
  const whole = Math.max(1, detail.latencyMs ?? elapsed, ...parts.map((part) => part.offset + part.length));
  return { parts, waves: inWaves(parts), whole };
}

/** Steps of what was captured may have one name: the second becomes “name (2)”. */
function tellApart(parts: Part[]): void {
  const seen = new Map<string, number>();
  for (const part of parts) {
    const times = (seen.get(part.name) ?? 0) + 1;
    seen.set(part.name, times);
    if (times > 1) part.name = `${part.name} (${times})`;
  }
}

interface Planned {
  name: string;
  order: number;
  type: string;
  prompt?: string;
  when?: string;
  tags?: readonly string[];
  config?: { condition?: unknown; url?: unknown };
}

/** The steps of a document, as they would run; *wrong* names those that something is said of. */
export function planned(document: unknown, wrong: ReadonlySet<string>): Course {
  const steps = ((document as { steps?: readonly Planned[] } | null)?.steps ?? []).toSorted((a, b) => a.order - b.order);
  const parts = steps.map(
    (step): Part => ({
      ...nothing,
      name: step.name,
      order: step.order,
      type: step.type,
      state: wrong.has(step.name) ? "wrong" : "defined",
      plan: does(step),
    }),
  );
  return { parts, waves: inWaves(parts), whole: 1 };
}

function does({ tags, when, prompt, config, type }: Planned): string {
  const condition = tags?.length ? `if ${tags.join(" or ")}` : when ? `if ${when}` : null;
  const what = prompt ?? config?.condition ?? config?.url ?? type.toLowerCase().replace("_", " ");
  return [condition, String(what)].filter(Boolean).join(" · ");
}

/** Round marks of a time axis, at most five: 0, 200, 400 ms. */
export function marks(whole: number): readonly number[] {
  const least = whole / 5;
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  const step = Math.max(1, ([1, 2, 5, 10].find((n) => n * power >= least) ?? 10) * power);
  return Array.from({ length: Math.floor(whole / step) + 1 }, (_, n) => n * step);
}
