/** Overview: what ran, how well, how fast, and what it cost; for 7 days, 30 days or all time. */
import { useAny } from "../api/executions";
import { useActivity, useOverview, type Overview as Data, type TimeWindow } from "../api/overview";
import { useLoading, type Session } from "../api/session";
import { amount, count, latency, percent, time, words } from "../format";
import { Bone, Notice, Segments } from "../parts/controls";
import { Columns, Legend } from "../parts/columns";
import { Ranking } from "../parts/ranking";
import { Tile } from "../parts/tile";
import { adjust, go, href, useRoute, type Values } from "../route";
import { activity, ACTIVITY, COST, costs, figures } from "./figures";
import s from "./overview.module.css";
import { Welcome } from "./welcome";

const WINDOWS: readonly { value: TimeWindow; name: string; title: string }[] = [
  { value: "LAST_7_DAYS", name: "7d", title: "7 days" },
  { value: "LAST_30_DAYS", name: "30d", title: "30 days" },
  { value: "ALL_TIME", name: "all", title: "All time" },
];

export function Overview({ session }: { session: Session }) {
  const { params } = useRoute();
  const chosen = WINDOWS.find((one) => one.name === params.get("window")) ?? WINDOWS[0];
  const window = chosen?.value ?? "LAST_7_DAYS";
  const loading = useLoading();
  const overview = useOverview(window, loading !== null);
  const any = useAny();
  useActivity(["overview", "any", "loading"]);

  if (any === false && !loading) return <Welcome session={session} />;
  return (
    <div className={s.page}>
      <div className={s.head}>
        <h1>Overview</h1>
        <p>
          {overview.data && (
            <span title="When these figures were read">
              As of <time dateTime={overview.data.asOf}>{time(overview.data.asOf)}</time>
              {overview.data.behind > 0 && `, ${count(overview.data.behind)} more on their way`}
            </span>
          )}
        </p>
        <Segments
          label="Time window"
          value={window}
          options={WINDOWS}
          onChange={(value) => adjust({ window: WINDOWS.find((one) => one.value === value)?.name })}
        />
      </div>
      <div className={s.body} aria-busy={overview.isPlaceholderData || overview.isPending}>
        {overview.error && (
          <Notice
            title="The figures could not be read"
            text={overview.error.message}
            onRetry={() => void overview.refetch()}
          />
        )}
        {overview.data ? <Figures data={overview.data} /> : !overview.error && <Bones />}
      </div>
    </div>
  );
}

function Figures({ data }: { data: Data }) {
  const first = data.days === null ? null : (data.daily[0]?.date ?? null);
  const to = (values: Values) => href("/executions", { from: first, ...values });
  const bars = activity(data.daily);
  const money = costs(data.daily);
  const open = ({ key }: { key: string }) =>
    go(href("/executions", { from: key.split("/")[0], to: key.split("/").at(-1) }));
  const most = Math.max(1, ...data.topPrompts.map((row) => row.figures.calls));
  const mostModels = Math.max(1, ...data.topModels.map((row) => row.figures.calls));
  const mostChains = Math.max(1, ...data.topChains.map((row) => row.figures.runs));
  const mostErrors = Math.max(1, ...data.errorTypes.map((row) => row.count));
  return (
    <>
      <div className={`${s.card} ${s.tiles}`}>
        {figures(data, to({ status: "error" }), to({ cost: ["unpriced", "unknown"] })).map((tile) => (
          <Tile key={tile.name} {...tile} />
        ))}
      </div>
      <div className={s.charts}>
        <section className={s.card} aria-label="Activity">
          <div className={s.cardHead}>
            <h2>Activity {bars.unit}</h2>
            <Legend series={ACTIVITY} />
          </div>
          <div className={s.chart}>
            <Columns
              label="Executions by outcome"
              series={ACTIVITY}
              columns={bars.columns}
              axis={bars.axis}
              onOpen={open}
            />
          </div>
        </section>
        <section className={s.card} aria-label="Cost over time">
          <div className={s.cardHead}>
            <h2>Cost {bars.unit}</h2>
            <p>{data.totals.cost.display}</p>
          </div>
          <div className={s.chart}>
            <Columns label="Cost in US dollars" series={COST} columns={money.columns} axis={money.axis} onOpen={open} />
          </div>
        </section>
      </div>
      <div className={s.tables}>
        <section className={s.card} aria-label="Most used prompts">
          <div className={s.cardHead}>
            <h2>Most used prompts</h2>
          </div>
          <Ranking
            label="Most used prompts"
            heads={HEADS}
            empty="No prompt ran in this time."
            rows={data.topPrompts.map(({ promptName, promptId, figures: own }) => ({
              key: promptId ?? "none",
              name: promptName ?? <span className="muted">Without a prompt</span>,
              title: `Executions of ${promptName ?? "no prompt"}`,
              href: promptName ? to({ prompt: promptName }) : null,
              share: own.calls / most,
              cells: cells(own),
            }))}
          />
        </section>
        <section className={s.card} aria-label="Most used models">
          <div className={s.cardHead}>
            <h2>Most used models</h2>
          </div>
          <Ranking
            label="Most used models"
            heads={HEADS}
            empty="No model was called in this time."
            rows={data.topModels.map(({ provider, model, figures: own }) => ({
              key: `${provider}/${model}`,
              name: model,
              title: `Executions of ${model} at ${provider}`,
              href: to({ model, provider }),
              share: own.calls / mostModels,
              cells: cells(own),
            }))}
          />
        </section>
        <section className={s.card} aria-label="Errors">
          <div className={s.cardHead}>
            <h2>Errors by type</h2>
          </div>
          <Ranking
            label="Errors by type"
            heads={[{ title: "Count", width: 76 }]}
            tone="bad"
            empty="Nothing failed in this time."
            rows={data.errorTypes.map((row) => ({
              key: row.errorType,
              name: words(row.errorType),
              title: `Executions that failed with ${words(row.errorType)}`,
              href: to({ error: row.errorType }),
              share: row.count / mostErrors,
              cells: [count(row.count)],
            }))}
          />
        </section>
        {data.topChains.length > 0 && (
          <section className={s.card} aria-label="Most used chains">
            <div className={s.cardHead}>
              <h2>Most used chains</h2>
            </div>
            <Ranking
              label="Most used chains"
              heads={CHAIN_HEADS}
              empty="No chain ran in this time."
              rows={data.topChains.map(({ chainId, chainName, figures: own }) => ({
                key: chainId ?? "none",
                name: chainName,
                title: `Chain executions of ${chainName}`,
                href: href("/chain-executions", { from: first, chain: chainName }),
                share: own.runs / mostChains,
                cells: [count(own.runs), ...cells(own).slice(1)],
              }))}
            />
          </section>
        )}
      </div>
    </>
  );
}

const HEADS = [
  { title: "Calls", width: 58 },
  { title: "Success", width: 64 },
  { title: "Latency", width: 66 },
  { title: "Cost", width: 80 },
];

const CHAIN_HEADS = [{ title: "Runs", width: 58 }, ...HEADS.slice(1)];

function cells(own: Data["totals"]) {
  const silent = own.cost.unpriced + own.cost.unknown > 0 && amount(own.cost.usd) === 0n;
  return [
    count(own.calls),
    <small key="rate">{percent(own.successRate, 1)}</small>,
    <small key="latency">{latency(own.averageLatencyMs)}</small>,
    silent ? <small key="cost">{own.cost.unpriced ? "unpriced" : "unknown"}</small> : own.cost.display,
  ];
}

function Bones() {
  return (
    <>
      <div className={`${s.card} ${s.tiles}`}>
        {[1, 2, 3, 4, 5].map((n) => (
          <div key={n} className={s.tile} style={{ gap: 12, height: 140 }}>
            <Bone width={90} />
            <Bone width={110} height={24} />
            <Bone width="100%" height={28} />
          </div>
        ))}
      </div>
      <div className={s.charts}>
        {[1, 2].map((n) => (
          <div key={n} className={s.card} style={{ height: 278, padding: 18 }}>
            <Bone width={120} />
          </div>
        ))}
      </div>
      <p className="sr" role="status">
        Reading the figures
      </p>
    </>
  );
}
