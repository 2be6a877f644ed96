/** Numbers, times and amounts as people read them. Money stays a whole number of 10^-12 dollars; nothing is a float. */
const whole = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export const count = (n: number): string => whole.format(n);

/** From ten thousand on: 12.4K, 3.1M. */
export const compact = (n: number): string => (n < 10_000 ? whole.format(n) : short.format(n));

export const percent = (n: number | null, places = 2): string => (n === null ? "–" : `${n.toFixed(places)}%`);

export function latency(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

const UNITS = ["bytes", "kB", "MB", "GB", "TB"] as const;
/** A size on the disk: 640 bytes, 1.5 MB. */
export function bytes(n: number): string {
  const step = n < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(n) / 3));
  return `${(n / 1000 ** step).toFixed(step ? 1 : 0)} ${UNITS[step]}`;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const long = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

const minutes = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const precise = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** To the millisecond: 14:06:52.318. */
export const instant = (iso: string): string => precise.format(new Date(iso));
export const time = (iso: string): string => clock.format(new Date(iso));
export const moment = (iso: string): string => long.format(new Date(iso));

/** As short as it is clear: 14:06:52 for today, else 3 Mar, 14:06. */
export function when(iso: string): string {
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock.format(date) : `${dayMonth.format(date)}, ${minutes.format(date)}`;
}

/** The local calendar date of a moment: 2026-03-02; null for none. */
export function localDate(iso: string | null | undefined): string | null {
  return iso ? new Date(iso).toLocaleDateString("sv") : null;
}

/** A calendar date of the API (no time, no zone): 3 Mar. */
export function calendarDay(date: string, weekday = false): string {
  const at = new Date(`${date}T12:00:00Z`);
  const options: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", timeZone: "UTC" };
  return at.toLocaleDateString("en-GB", weekday ? { ...options, weekday: "short" } : options);
}

/** The same with its year, for days that are far away: 3 Mar 2027. */
export const calendarDate = (date: string): string =>
  new Date(`${date}T12:00:00Z`).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  });

const PERIODS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });

export function ago(iso: string, now = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  for (const [unit, size] of PERIODS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return "just now";
}

/** Dollars as the API writes them ("0.0045") to 10^-12 dollars. */
export function amount(usd: string): bigint {
  const negative = usd.startsWith("-");
  const [left = "0", right = ""] = usd.replace("-", "").split(".");
  const value = BigInt(left) * 10n ** 12n + BigInt(right.padEnd(12, "0").slice(0, 12));
  return negative ? -value : value;
}

/** How much of the whole, 0 to 1, for drawing. */
export function share(part: bigint, of: bigint): number {
  return of > 0n ? Number((part * 10_000n) / of) / 10_000 : 0;
}

/** A rate or amount of the API with at least two decimals: 3 → $3.00, 0.8 → $0.80. */
export function usd(text: string): string {
  const [left, right = ""] = text.split(".");
  return `$${left}.${right.padEnd(2, "0")}`;
}

/** The change from one figure to another in percent; null when there is nothing to compare with. */
export function change(now: number | bigint | null, before: number | bigint | null): number | null {
  if (now === null || before === null || !Number(before)) return null;
  if (typeof now === "bigint" && typeof before === "bigint") return Number(((now - before) * 1000n) / before) / 10;
  return ((Number(now) - Number(before)) / Number(before)) * 100;
}

/** A round amount for an axis: $0.002, $0.50, $40, $1,200. */
export function dollars(value: bigint): string {
  const digits = value.toString().padStart(13, "0");
  const fraction = digits.slice(-12).replace(/0+$/, "");
  const cents = fraction || (value > 0n && value < 10n ** 13n) ? `.${fraction.padEnd(2, "0")}` : "";
  return `$${whole.format(BigInt(digits.slice(0, -12)))}${cents}`;
}

/** As people read an amount: cents from one cent up, two significant digits below, never $0 for what is not zero. */
export function readable(value: bigint): string {
  if (value === 0n) return "$0";
  const unit = value >= 10n ** 10n ? 10n ** 10n : 10n ** BigInt(Math.max(0, value.toString().length - 2));
  const rounded = ((value + unit / 2n) / unit) * unit;
  const digits = rounded.toString().padStart(13, "0");
  const places = value >= 10n ** 10n ? 2 : 13 - unit.toString().length;
  return `$${whole.format(BigInt(digits.slice(0, -12)))}.${digits.slice(-12).slice(0, places)}`;
}

/** `rate_limit` → Rate limit. */
export function words(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The gist of a recorded value in one line: the texts in it, without names and brackets. */
export function gist(value: unknown, most = 240): string {
  const found: string[] = [];
  let left = most;
  const visit = (one: unknown) => {
    if (left <= 0 || one === null || one === undefined) return;
    if (Array.isArray(one)) one.forEach(visit);
    else if (typeof one === "object") Object.values(one).forEach(visit);
    else {
      const text = String(one).slice(0, left).replace(/\s+/g, " ").trim();
      left -= text.length;
      if (text) found.push(text);
    }
  };
  visit(value);
  return found.join(" · ");
}
