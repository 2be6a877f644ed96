/** A line without axes. The figures beside it say the same, so it is decoration to a screen reader. */
import { useId } from "react";
import s from "./chart.module.css";

const WIDTH = 120;
const HEIGHT = 28;

export function Sparkline({ values, colour }: { values: readonly (number | null)[]; colour: string }) {
  const id = useId();
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return <svg className={s.spark} aria-hidden="true" />;
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  const points = values.flatMap((value, index) => {
    if (value === null) return [];
    const x = (index / (values.length - 1)) * WIDTH;
    const y = span ? HEIGHT - 3 - ((value - low) / span) * (HEIGHT - 6) : HEIGHT / 2;
    return [`${x.toFixed(1)} ${y.toFixed(1)}`];
  });
  const line = `M${points.join("L")}`;
  const [first = "0 0", last = "0 0"] = [points[0], points.at(-1)];
  return (
    <svg
      className={s.spark}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      focusable="false"
    >
      <defs>
        <linearGradient id={id} x1="0" y1="0" x2="0" y2="1">
          <stop offset="0" stopColor={colour} stopOpacity="0.22" />
          <stop offset="1" stopColor={colour} stopOpacity="0" />
        </linearGradient>
      </defs>
      <path d={`${line}L${last.split(" ")[0]} ${HEIGHT}L${first.split(" ")[0]} ${HEIGHT}Z`} fill={`url(#${id})`} />
      <path
        d={line}
        fill="none"
        stroke={colour}
        strokeWidth={1.5}
        strokeLinejoin="round"
        strokeLinecap="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
