/** How an execution stands: a sign and a word, never colour alone. */
import { words } from "../format";
import { Icon } from "./icon";
import s from "./status.module.css";

type State = "pending" | "success" | "error";

export function Status({ status, errorType, pill }: { status: State; errorType?: string | null; pill?: boolean }) {
  const word = status === "error" && errorType ? words(errorType) : words(status);
  return (
    <span className={pill ? `${s.status} ${s.pill}` : s.status} data-status={status} title={word}>
      {status === "pending" ? (
        <i className={s.ring} aria-hidden="true" />
      ) : (
        <Icon name={status === "success" ? "check" : "cross"} size={14} />
      )}
      <span className={pill ? undefined : "sr"}>{word}</span>
    </span>
  );
}
