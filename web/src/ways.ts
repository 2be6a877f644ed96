/** The ways in which a program's calls get here, and the exact lines of each. Plain data: the page fills in the rest. */
import type { Filter } from "./api/executions";
import type { Scope } from "./api/session";

/** What the lines are filled in with; *own*: the program keeps its key of the provider. */
export interface Given {
  url: string;
  key: string;
  own: boolean;
}

export interface Lines {
  title: string;
  text: string;
  note?: string;
}

export interface Way {
  name: string;
  title: string;
  about: string;
  /** Which rows came by it. */
  filter: Filter;
  /** The provider behind the gateway; null where ours does not stand for a provider's key. */
  provider: "openai" | "anthropic" | null;
  scopes: (own: boolean) => readonly Scope[];
  lines: (given: Given) => readonly Lines[];
}

const passing = (own: boolean): readonly Scope[] => (own ? ["INGEST"] : ["RUN"]);
const HEADERS = `extra_headers={
        "X-PromptForge-Prompt": "ticket-triage",
        "X-PromptForge-Prompt-Version": "3",
        "X-PromptForge-Service": "support-desk",
        "X-PromptForge-End-User": "user-7",
        "X-PromptForge-Session": "session-42",
        "X-PromptForge-Tags": "env=prod,team=care",
    }`;
const NAMED = {
  title: "Say what a call belongs to",
  note: "Each header may be left out. Without a service the calls are listed under the name of the key.",
};
const UNCHANGED = "The program itself stays as it is. Replies pass through byte for byte, streams as they come.";

const own = (name: string, url: string, key: string) =>
  `export ${name}_BASE_URL=${url}\nexport PROMPTFORGE_API_KEY=${key}`;
const client = (module: string, kind: string, kept: boolean) =>
  kept
    ? `import os\nfrom ${module} import ${kind}\n\nclient = ${kind}(default_headers={"X-PromptForge-Key": os.environ["PROMPTFORGE_API_KEY"]})\n`
    : `from ${module} import ${kind}\n\nclient = ${kind}()\n`;

const OPENAI: Way = {
  name: "openai",
  title: "OpenAI",
  about: "Any client of the OpenAI API: chat completions, responses, embeddings.",
  filter: { source: ["gateway"], provider: ["openai"] },
  provider: "openai",
  scopes: passing,
  lines: (given) => [
    {
      title: "Set the address and the key",
      text: given.own
        ? own("OPENAI", `${given.url}/openai/v1`, given.key)
        : `export OPENAI_BASE_URL=${given.url}/openai/v1\nexport OPENAI_API_KEY=${given.key}`,
      note: given.own ? "OPENAI_API_KEY stays what it is." : UNCHANGED,
    },
    {
      title: given.own ? "Send our key along" : "Make a first call",
      text: `${client("openai", "OpenAI", given.own)}reply = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Say hello"}],
)
print(reply.choices[0].message.content)`,
    },
    {
      ...NAMED,
      text: `client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Say hello"}],
    ${HEADERS},
)`,
    },
  ],
};

const ANTHROPIC: Way = {
  name: "anthropic",
  title: "Anthropic",
  about: "Any client of the Anthropic API: messages, plain and streamed, with tools.",
  filter: { source: ["gateway"], provider: ["anthropic"] },
  provider: "anthropic",
  scopes: passing,
  lines: (given) => [
    {
      title: "Set the address and the key",
      text: given.own
        ? own("ANTHROPIC", `${given.url}/anthropic`, given.key)
        : `export ANTHROPIC_BASE_URL=${given.url}/anthropic\nexport ANTHROPIC_API_KEY=${given.key}`,
      note: given.own ? "ANTHROPIC_API_KEY stays what it is." : UNCHANGED,
    },
    {
      title: given.own ? "Send our key along" : "Make a first call",
      text: `${client("anthropic", "Anthropic", given.own)}reply = client.messages.create(
    model="claude-3-5-haiku-20241022",
    max_tokens=100,
    messages=[{"role": "user", "content": "Say hello"}],
)
print(reply.content[0].text)`,
    },
    {
      ...NAMED,
      text: `client.messages.create(
    model="claude-3-5-haiku-20241022",
    max_tokens=100,
    messages=[{"role": "user", "content": "Say hello"}],
    ${HEADERS},
)`,
    },
  ],
};

const exporter = ({ url, key }: Given) => `export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=${url}/v1/traces
export OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-api-key=${key}
export OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf
export OTEL_METRICS_EXPORTER=none
export OTEL_LOGS_EXPORTER=none
export OTEL_SERVICE_NAME=support-desk`;
const packages = (instrumentation: string) => `pip install opentelemetry-distro opentelemetry-exporter-otlp-proto-http \\
  ${instrumentation}`;
const INSTRUMENTED = {
  title: "Start the program under OpenTelemetry",
  text: "opentelemetry-instrument python app.py",
  note: "A program that exports traces already needs the environment only.",
};

const LANGCHAIN: Way = {
  name: "langchain",
  title: "LangChain",
  about: "Whole chains with their calls by OpenTelemetry, or the calls alone by the gateway.",
  filter: { source: ["gateway", "otlp"] },
  provider: "openai",
  scopes: (kept) => ["INGEST", ...(kept ? [] : (["RUN"] as const))],
  lines: (given) => [
    {
      title: "Chains: install the instrumentation",
      text: packages("openinference-instrumentation-langchain"),
    },
    { title: "Chains: say where traces go", text: exporter(given) },
    { ...INSTRUMENTED, title: "Chains: start the program under OpenTelemetry" },
    {
      title: "Or the calls alone",
      text: given.own
        ? `from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model="gpt-4o-mini",
    base_url="${given.url}/openai/v1",
    default_headers={"X-PromptForge-Key": "${given.key}"},
)
print(model.invoke("Say hello").content)`
        : `from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="gpt-4o-mini", base_url="${given.url}/openai/v1", api_key="${given.key}")
print(model.invoke("Say hello").content)`,
      note: `ChatAnthropic takes the same with base_url="${given.url}/anthropic". Use one of the two ways: with both, each call is recorded twice.`,
    },
  ],
};

const OPENTELEMETRY: Way = {
  name: "opentelemetry",
  title: "OpenTelemetry",
  about: "Traces of any program that is instrumented for GenAI, OpenInference or OpenLLMetry, over OTLP/HTTP.",
  filter: { source: ["otlp"] },
  provider: null,
  scopes: () => ["INGEST"],
  lines: (given) => [
    { title: "Say where traces go", text: exporter(given) },
    {
      title: "Install what fits the program",
      text: packages("openinference-instrumentation-openai"),
      note: "Or openinference-instrumentation-anthropic, openinference-instrumentation-langchain, opentelemetry-instrumentation-anthropic. opentelemetry-instrumentation-openai-v2 tells contents only with OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental and OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=span_only.",
    },
    INSTRUMENTED,
  ],
};

const json = (url: string, body: unknown, ...headers: string[]) =>
  [
    `curl ${url}`,
    ...["Content-Type: application/json", ...headers].map((header) => `-H "${header}"`),
    `-d '${JSON.stringify(body)}'`,
  ].join(" \\\n  ");
const HELLO = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Say hello" }] };
const HAND_IN = "mutation($items: [JSON!]!) { recordExecutions(executions: $items) { stored duplicate rejected } }";

const CURL: Way = {
  name: "curl",
  title: "curl",
  about: "Any program that speaks HTTP: calls through the gateway, or calls that are over, handed in.",
  filter: { source: ["gateway", "api"] },
  provider: "openai",
  scopes: (kept) => ["INGEST", ...(kept ? [] : (["RUN"] as const))],
  lines: (given) => [
    {
      title: "Call a model",
      text: given.own
        ? json(
            `${given.url}/openai/v1/chat/completions`,
            HELLO,
            "Authorization: Bearer $OPENAI_API_KEY",
            `X-PromptForge-Key: ${given.key}`,
          )
        : json(`${given.url}/openai/v1/chat/completions`, HELLO, `Authorization: Bearer ${given.key}`),
    },
    {
      title: "Or hand in a call that ran elsewhere",
      text: json(
        `${given.url}/graphql`,
        {
          query: HAND_IN,
          variables: {
            items: [
              {
                externalId: "call-1",
                externalSource: "shop",
                createdAt: new Date(Math.floor(Date.now() / 60_000) * 60_000).toISOString(),
                status: "success",
                model: "gpt-4o-mini",
                input: "Say hello",
                output: "Hello",
                tokenIn: 9,
                tokenOut: 2,
              },
            ],
          },
        },
        `X-API-Key: ${given.key}`,
      ),
      note: "The same externalId from the same source is stored once, however often it is sent.",
    },
  ],
};

const PYTHON: Way = {
  name: "python",
  title: "Prompt Forge for Python",
  about: "Our own client: runs prompts and chains by name and version, and models without any prompt.",
  filter: { source: ["sdk"] },
  provider: null,
  scopes: () => ["RUN", "READ"],
  lines: (given) => [
    {
      title: "Set the address and the key",
      text: `export PROMPTFORGE_URL=${given.url}\nexport PROMPTFORGE_API_KEY=${given.key}`,
    },
    {
      title: "Run something",
      text: `from promptforge import PromptForge

client = PromptForge()
print(client.run("demo-small", "Say hello").output)`,
      note: "demo-small is simulated and needs no provider. A prompt runs as client.prompts.execute(name, variables).",
    },
  ],
};

const FILE: Way = {
  name: "file",
  title: "A file",
  about: "Executions that somebody wrote down elsewhere, as CSV or JSON lines of any size.",
  filter: { source: ["import"] },
  provider: null,
  scopes: () => ["INGEST"],
  lines: (given) => [
    {
      title: "From the command line",
      text: `export PROMPTFORGE_URL=${given.url}\nexport PROMPTFORGE_API_KEY=${given.key}\npromptforge import calls.jsonl`,
      note: "The same file twice, or in parts, is stored once.",
    },
  ],
};

export const WAYS: readonly Way[] = [OPENAI, ANTHROPIC, LANGCHAIN, OPENTELEMETRY, CURL, PYTHON, FILE];
