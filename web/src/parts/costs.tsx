/** What an execution cost, line by line, and in words why when no amount can be given. */
import type { Detail } from "../api/executions";
import { count, usd, words } from "../format";
import s from "./detail.module.css";

const PER: Record<number, string> = { 1: "each", 1000: "per 1K", 1000000: "per 1M" };
const date = (iso: string) => iso.slice(0, 10);

/** Why the cost is what it is; null where the lines say it all. */
export function explanation({ cost, usageSource, model, provider, status, tokenIn }: Detail): string | null {
  if (cost.state === "pending") return "Still running. The cost is computed when it ends.";
  if (cost.state === "unpriced")
    return `The usage is known, but there is no price for ${model} at ${provider}, so no amount is shown. It is not counted as zero.`;
  if (cost.state === "unknown")
    return "What the provider used is not known, because no complete answer came back. So the cost is not known either; it is not counted as zero.";
  if (usageSource === "estimated") return "The provider reported no usage: the quantities are estimated.";
  if (!cost.lines.length && status === "error" && !tokenIn)
    return "It was refused before the provider did any work, so it cost nothing.";
  return cost.lines.length ? null : "Nothing that is billed was used.";
}

export function Costs({ detail }: { detail: Detail }) {
  const { cost } = detail;
  const said = explanation(detail);
  const several = new Set(cost.lines.map((line) => line.attempt)).size > 1;
  return (
    <>
      {said && <p className={s.say}>{said}</p>}
      {cost.lines.length > 0 && (
        <div className={s.wide}>
          <table className={s.table} aria-label="Cost line by line">
            <thead>
              <tr>
                <th scope="col">Unit</th>
                {several && <th scope="col">Attempt</th>}
                <th scope="col">Quantity</th>
                <th scope="col">Rate</th>
                <th scope="col">Amount</th>
                <th scope="col">Price from</th>
              </tr>
            </thead>
            <tbody>
              {cost.lines.map((line) => (
                <tr key={`${line.attempt} ${line.unit}`}>
                  <th scope="row">{words(line.unit)}</th>
                  {several && <td>{line.attempt}</td>}
                  <td>{count(line.quantity)}</td>
                  <td title={line.rounded ? "The catalogue's rate has more decimals; it was rounded" : undefined}>
                    × {usd(line.rateUsd)} <span className="muted">{PER[line.per] ?? `per ${count(line.per)}`}</span>
                    {line.rounded && " ≈"}
                  </td>
                  <td>= {usd(line.amountUsd)}</td>
                  <td className="muted">
                    {line.source}
                    {line.validFrom && `, ${date(line.validFrom)}`}
                  </td>
                </tr>
              ))}
            </tbody>
            {cost.usd !== null && (
              <tfoot>
                <tr>
                  <th scope="row">Total</th>
                  {several && <td />}
                  <td />
                  <td />
                  <td>{usd(cost.usd)}</td>
                  <td />
                </tr>
              </tfoot>
            )}
          </table>
        </div>
      )}
      {cost.claimedUsd !== null && <p className={s.say}>The sender claimed {usd(cost.claimedUsd)}.</p>}
    </>
  );
}

/** The disjoint parts that make up the tokens. */
export function Usage({ usage }: { usage: Record<string, number> }) {
  return (
    <table className={s.table} aria-label="Usage">
      <tbody>
        {Object.entries(usage).map(([leaf, quantity]) => (
          <tr key={leaf}>
            <th scope="row">{words(leaf)}</th>
            <td>{count(quantity)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
