/** The steps against time: steps of one wave side by side, those that decided how long it took in full colour. */
import { marks, type Course, type Part } from "../course";
import { latency } from "../format";
import s from "./chains.module.css";
import { Glyph } from "./glyph";

const together = (wave: readonly Part[]) => wave.filter((part) => part.state !== "skipped").length > 1;

interface Props {
  course: Course;
  selected: string | null;
  onSelect: (name: string) => void;
}

export function Waterfall({ course, selected, onSelect }: Props) {
  const { waves, whole } = course;
  const at = (ms: number) => `${(ms / whole) * 100}%`;
  return (
    <div className={s.waterfall}>
      <div className={s.axis} aria-hidden="true">
        <span>Step</span>
        <span className={s.track}>
          {marks(whole).map((mark) => (
            <i key={mark} style={{ left: at(mark) }}>
              {mark / whole < 0.94 && <small>{latency(mark)}</small>}
            </i>
          ))}
        </span>
        <span>Time</span>
        <span>Cost</span>
      </div>
      {waves.map((wave) => (
        <ol key={wave[0]?.order} className={s.wave} aria-label={`Order ${wave[0]?.order}`}>
          {wave.map((part) => (
            <li key={part.name} data-together={part.state !== "skipped" && together(wave)}>
              <button
                type="button"
                className={s.line}
                data-step={part.name}
                data-state={part.state}
                data-critical={part.critical}
                aria-pressed={part.name === selected}
                onClick={() => onSelect(part.name)}
              >
                <span className={s.label}>
                  <Glyph part={part} />
                  <span className="clip">{part.name}</span>
                  {part.step?.tag && <em className="clip">{part.step.tag}</em>}
                  {part.step?.reusedFrom && <em>reused</em>}
                  {part.critical && <span className="sr">, on the critical path</span>}
                </span>
                {part.state === "skipped" ? (
                  <span className={`${s.why} clip`}>Left out: {part.reason}</span>
                ) : (
                  <>
                    <span className={s.track} aria-hidden="true">
                      {marks(whole).map((mark) => (
                        <i key={mark} style={{ left: at(mark) }} />
                      ))}
                      <b style={{ left: `min(${at(part.offset)}, 100% - 3px)`, width: at(part.length) }} />
                    </span>
                    <span>{latency(part.length)}</span>
                    <Money part={part} />
                  </>
                )}
              </button>
            </li>
          ))}
        </ol>
      ))}
    </div>
  );
}

function Money({ part }: { part: Part }) {
  const step = part.step;
  if (!step) return <span>–</span>;
  const share = Number(step.shareOfCost ?? 0);
  return (
    <span className={s.money} title={step.shareOfCost ? `${step.shareOfCost}% of the cost` : undefined}>
      {step.costDisplay ?? step.costState}
      <i aria-hidden="true" style={{ width: `${share}%` }} />
    </span>
  );
}
