/** Where the time went: the attempts on one rail, and the moments they began and ended. */
import type { Detail } from "../api/executions";
import { instant, latency, moment, words } from "../format";
import s from "./detail.module.css";

export function Timing({ detail }: { detail: Detail }) {
  const { attempts, latencyMs, firstTokenMs } = detail;
  const total = Math.max(1, latencyMs ?? 0, ...attempts.map((one) => one.offsetMs + one.latencyMs));
  const at = (ms: number) => `${(ms / total) * 100}%`;
  return (
    <>
      {attempts.map((one) => (
        <div key={one.number}>
          <div className={s.track}>
            <span>Attempt {one.number}</span>
            <span className={s.rail} aria-hidden="true">
              {one.number === 1 && attempts.length === 1 && firstTokenMs !== null && (
                <i data-tone="wait" style={{ left: 0, width: at(firstTokenMs) }} />
              )}
              <i
                data-tone={one.status === "error" ? "bad" : undefined}
                style={
                  attempts.length === 1 && firstTokenMs !== null
                    ? { left: at(firstTokenMs), width: at(Math.max(0, one.latencyMs - firstTokenMs)) }
                    : { left: at(one.offsetMs), width: at(one.latencyMs) }
                }
              />
            </span>
            <span>{latency(one.latencyMs)}</span>
          </div>
          {(one.error ?? one.requestId ?? one.httpStatus) !== null && (
            <p className={s.note}>
              {[
                one.errorType && words(one.errorType),
                one.httpStatus && `HTTP ${one.httpStatus}`,
                attempts.length === 1 && firstTokenMs !== null && `first token after ${latency(firstTokenMs)}`,
                one.offsetMs > 0 && `began after ${latency(one.offsetMs)}`,
                one.requestId,
                attempts.length > 1 && one.error,
              ]
                .filter(Boolean)
                .join(" · ")}
            </p>
          )}
        </div>
      ))}
      <dl className={s.list}>
        {(
          [
            ["Accepted", detail.createdAt],
            ["Started", detail.startedAt],
            ["Ended", detail.endedAt],
          ] as const
        ).map(
          ([name, iso]) =>
            iso && [
              <dt key={name}>{name}</dt>,
              <dd key={iso + name}>
                <time dateTime={iso} title={moment(iso)}>
                  {instant(iso)}
                </time>
              </dd>,
            ],
        )}
      </dl>
    </>
  );
}
