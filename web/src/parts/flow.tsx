/** The chain as a graph, wave by wave from left to right. A wave begins when all of the one before it have ended, so the
 * lines of a wave meet before they part: that is how it ran. */
import type { Course, Part } from "../course";
import { latency } from "../format";
import s from "./chains.module.css";
import { Glyph } from "./glyph";

const WIDE = 156;
const HIGH = 46;
const ACROSS = 40;
const DOWN = 12;
const EDGE = 2;

interface Props {
  course: Course;
  selected: string | null;
  onSelect: (name: string) => void;
}

interface Place {
  part: Part;
  x: number;
  y: number;
}

export function Flow({ course, selected, onSelect }: Props) {
  const tallest = Math.max(1, ...course.waves.map((wave) => wave.length));
  const height = tallest * (HIGH + DOWN) - DOWN + 2 * EDGE;
  const width = course.waves.length * (WIDE + ACROSS) - ACROSS + 2 * EDGE;
  const middle = height / 2;
  const columns: Place[][] = course.waves.map((wave, column) => {
    const top = middle - (wave.length * (HIGH + DOWN) - DOWN) / 2;
    return wave.map((part, row) => ({
      part,
      x: EDGE + column * (WIDE + ACROSS),
      y: top + row * (HIGH + DOWN) + HIGH / 2,
    }));
  });
  return (
    <div className={s.flow} role="group" aria-label="The steps as a graph" tabIndex={0}>
      <div style={{ width, height }}>
        <svg width={width} height={height} aria-hidden="true" focusable="false">
          {columns.slice(0, -1).map((wave, column) => (
            <Joint key={column} from={wave} to={columns[column + 1] ?? []} middle={middle} />
          ))}
        </svg>
        {columns.flat().map(({ part, x, y }) => (
          <button
            key={part.name}
            type="button"
            className={s.node}
            data-state={part.state}
            data-critical={part.critical}
            aria-pressed={part.plan === null ? part.name === selected : undefined}
            title={part.reason ? `Left out: ${part.reason}` : (part.plan ?? undefined)}
            style={{ left: x, top: y - HIGH / 2, width: WIDE, height: HIGH }}
            onClick={() => onSelect(part.name)}
          >
            <Glyph part={part} />
            <span className="clip">
              <b className="clip">{part.name}</b>
              <small className="clip">{note(part)}</small>
            </span>
          </button>
        ))}
      </div>
    </div>
  );
}

function note(part: Part): string {
  if (part.plan !== null) return part.plan;
  if (part.state === "skipped") return "left out";
  if (part.step?.tag) return `→ ${part.step.tag}`;
  if (part.step?.reusedFrom) return "reused";
  if (part.state === "running") return "running";
  const cost = part.step?.executionId ? part.step.costDisplay : null;
  return cost ? `${latency(part.length)} · ${cost}` : latency(part.length);
}

/** The lines of one wave to a point, and from there to those of the next; the critical ones are drawn last. */
function Joint({ from, to, middle }: { from: readonly Place[]; to: readonly Place[]; middle: number }) {
  const ran = from.filter(({ part }) => part.state !== "skipped");
  const x = (to[0]?.x ?? 0) - ACROSS / 2;
  const lines = [
    ...ran.map((one) => ({ part: one.part, path: bend(one.x + WIDE, one.y, x, middle) })),
    ...to.map((one) => ({ part: one.part, path: bend(x, middle, one.x, one.y) })),
  ];
  lines.sort((a, b) => Number(a.part.critical) - Number(b.part.critical));
  // a wave of which nothing ran is passed by
  const passed = ran.length === 0 && <path d={bend(x - WIDE - ACROSS, middle, x, middle)} data-critical="true" />;
  return (
    <>
      {passed}
      {lines.map(({ part, path }, n) => (
        <path key={n} d={path} data-state={part.state} data-critical={part.critical} />
      ))}
    </>
  );
}

const bend = (x1: number, y1: number, x2: number, y2: number) => {
  const half = (x1 + x2) / 2;
  return `M${x1} ${y1}C${half} ${y1} ${half} ${y2} ${x2} ${y2}`;
};
