/** One figure: value, change against the span before, a note, and its course. */
import type { ReactNode } from "react";
import s from "../pages/overview.module.css";
import { Sparkline } from "./sparkline";

export interface Change {
  /** In percent, or in points for what is a percentage already. */
  by: number | null;
  unit: "%" | " pt";
  /** Whether more is better; undefined where it is neither. */
  up?: "good" | "bad" | undefined;
  before: string;
}

function ChangeMark({ by, unit, up, before }: Change) {
  if (by === null) return null;
  const size = Math.abs(by);
  const text = size < 0.05 ? "±0" : size >= 999 ? ">999" : size.toFixed(size < 10 ? 1 : 0);
  const mood = size < 0.05 || !up ? "flat" : by > 0 === (up === "good") ? "good" : "bad";
  const words = size < 0.05 ? `unchanged from ${before}` : `${by > 0 ? "up" : "down"} ${text}${unit} from ${before}`;
  return (
    <span className={s.change} data-mood={mood} title={`${words} in the same span before`}>
      <span aria-hidden="true">
        {size < 0.05 ? "" : by > 0 ? "↑" : "↓"} {text}
        {unit}
      </span>
      <span className="sr">{words} in the same span before</span>
    </span>
  );
}

export function Tile(props: {
  name: string;
  title: string;
  value: string;
  exact?: string | undefined;
  change?: Change | null;
  note?: ReactNode;
  course: readonly (number | null)[];
  colour: string;
}) {
  return (
    <div role="group" className={s.tile} data-tile={props.name} aria-label={props.title}>
      <h2>{props.title}</h2>
      <p className={s.value}>
        <b title={props.exact}>{props.value}</b>
        {props.change && <ChangeMark {...props.change} />}
      </p>
      <p className={`${s.note} clip`}>{props.note}</p>
      <Sparkline values={props.course} colour={props.colour} />
    </div>
  );
}
