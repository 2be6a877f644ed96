"""Every GraphQL document that the client sends. They are constants, so a test holds them against the schema."""

_EXECUTION_ROW = """
fragment ExecutionRow on Execution {
  id status error errorType latencyMs firstTokenMs tokenIn tokenOut costUsd createdAt startedAt endedAt
  cost { usd display state }
  promptVersion { id version provider model prompt { id name } } promptName label
  provider model responseModel finishReason endUser sessionId service source tags streamed cached usageSource
  chainExecutionId chainName step contentExpired cursor
}
"""
_EXECUTION = (
    """
fragment ExecutionAll on Execution {
  ...ExecutionRow
  input request output outputJson stackTrace usage metadata
  user { id name email }
  cost { claimedUsd lines { unit quantity rateUsd per amountUsd source validFrom rounded attempt } }
  attempts { number provider model offsetMs latencyMs status errorType httpStatus requestId error }
}
"""
    + _EXECUTION_ROW
)
_VERSION = """
fragment VersionAll on PromptVersion {
  id version content messages { role content } params inputSchema provider model variables labels createdAt
}
"""
_PROMPT_ROW = """
fragment PromptRow on Prompt {
  id name description category isPublic tags createdAt updatedAt archivedAt forkedFrom
  labels { label version }
}
"""
_PROMPT = (
    """
fragment PromptAll on Prompt { ...PromptRow latestVersion { ...VersionAll } versions(limit: 500) { ...VersionAll } }
"""
    + _PROMPT_ROW
    + _VERSION
)
_FIGURES = """
fragment FiguresAll on Figures {
  runs calls success error pending successRate averageLatencyMs tokenIn tokenOut costUsd
  cost { usd display priced unpriced unknown estimated }
}
"""


def with_figures(document: str) -> str:
    """A document of another file, with the fragment that it uses."""
    return document + _FIGURES


_KEY = """
fragment KeyAll on Key { id name hint scopes createdAt lastUsedAt expiresAt revokedAt }
"""
_CHAIN_EXECUTION_ROW = """
fragment ChainExecutionRow on ChainExecution {
  id status error errorType failedStep latencyMs totalCost tokenIn tokenOut stepCount createdAt startedAt endedAt
  cost { usd display state }
  chain { id name } chainName version label criticalPath forkedFrom
  endUser sessionId service source tags contentExpired cursor
  steps { order name type status errorType offsetMs latencyMs cost costDisplay }
}
"""
_CHAIN_EXECUTION = (
    """
fragment ChainExecutionAll on ChainExecution {
  ...ChainExecutionRow
  input output stackTrace usage overrides deadlineMs maxCostUsd metadata
  user { id name email }
  steps {
    input output error stackTrace costExact costState tokenIn tokenOut shareOfCost shareOfTime critical
    tag reusedFrom executionId
    attempts { number provider model offsetMs latencyMs status errorType httpStatus requestId error }
  }
  runningSteps { name order offsetMs execution { id model status } }
  skippedSteps { name order type reason }
}
"""
    + _CHAIN_EXECUTION_ROW
)

ME = "query Me { me { id name email createdAt role permissions } }"

PROMPTS = (
    """
query Prompts($mine: Boolean, $limit: Int, $offset: Int, $search: String, $archived: Boolean) {
  prompts(mine: $mine, limit: $limit, offset: $offset, search: $search, archived: $archived) {
    ...PromptRow
    latestVersion { ...VersionAll }
    versions(limit: 10) { id version model provider createdAt }
  }
}
"""
    + _PROMPT_ROW
    + _VERSION
)
PROMPT = "query Prompt($id: ID!) { prompt(id: $id) { ...PromptAll } }" + _PROMPT
PROMPT_DIFF = (
    """
query PromptDiff($id: ID!, $from: Int!, $to: Int!) {
  prompt(id: $id) { diff(from: $from, to: $to) {
    from { ...VersionAll } to { ...VersionAll } text params inputSchema
  } }
}
"""
    + _VERSION
)
CREATE_PROMPT = (
    "mutation CreatePrompt($input: CreatePromptInput!) { createPrompt(input: $input) { ...PromptRow } }" + _PROMPT_ROW
)
UPDATE_PROMPT = (
    "mutation UpdatePrompt($id: ID!, $input: UpdatePromptInput!)"
    " { updatePrompt(id: $id, input: $input) { ...PromptAll } }" + _PROMPT
)
CREATE_VERSION = (
    """
mutation CreatePromptVersion($input: CreatePromptVersionInput!) {
  createPromptVersion(input: $input) { ...VersionAll prompt { id name } }
}
"""
    + _VERSION
)
SET_LABEL = (
    "mutation SetLabel($id: ID!, $label: String!, $version: Int!)"
    " { setPromptLabel(promptId: $id, label: $label, version: $version) { ...PromptAll } }" + _PROMPT
)
REMOVE_LABEL = (
    "mutation RemoveLabel($id: ID!, $label: String!)"
    " { removePromptLabel(promptId: $id, label: $label) { ...PromptAll } }" + _PROMPT
)
ARCHIVE = "mutation Archive($id: ID!) { archivePrompt(id: $id) { ...PromptAll } }" + _PROMPT
RESTORE = "mutation Restore($id: ID!) { restorePrompt(id: $id) { ...PromptAll } }" + _PROMPT
FORK = (
    "mutation Fork($id: ID!, $name: String!, $version: Int)"
    " { forkPrompt(id: $id, name: $name, version: $version) { ...PromptAll } }" + _PROMPT
)

EXECUTE = (
    "mutation Execute($input: ExecutePromptInput!) { executePrompt(input: $input) { ...ExecutionAll } }" + _EXECUTION
)
EXECUTE_STREAM = (
    """
subscription ExecuteStream($input: ExecutePromptInput!) {
  executePromptStream(input: $input) { kind text execution { ...ExecutionAll } }
}
"""
    + _EXECUTION
)
_LIST = """
query Executions(
  $limit: Int, $offset: Int, $after: String, $topLevel: Boolean, $filter: ExecutionFilter
) {
  executions(limit: $limit, offset: $offset, after: $after, topLevel: $topLevel, filter: $filter) {
"""
EXECUTIONS = _LIST + "...ExecutionRow } }" + _EXECUTION_ROW
EXECUTIONS_ALL = _LIST + "...ExecutionAll } }" + _EXECUTION
EXECUTION = "query Execution($id: ID!) { execution(id: $id) { ...ExecutionAll } }" + _EXECUTION
CANCEL = "mutation Cancel($id: ID!) { cancelExecution(id: $id) { ...ExecutionAll } }" + _EXECUTION
RECORD = """
mutation Record($executions: [JSON!]!) {
  recordExecutions(executions: $executions) { received stored duplicate rejected problems { index path message } }
}
"""
CHANGES = (
    "subscription Changes($filter: ExecutionFilter) { executionChanges(filter: $filter) { ...ExecutionRow } }"
    + _EXECUTION_ROW
)
OVERVIEW = (
    """
query Overview($window: TimeWindow, $days: Int, $timezone: String, $filter: ExecutionFilter) {
  overview(window: $window, days: $days, timezone: $timezone, filter: $filter) {
    from to timezone days asOf behind
    totals { ...FiguresAll }
    previous { ...FiguresAll }
    daily { date figures { ...FiguresAll } }
  }
}
"""
    + _FIGURES
)

SERVICES = (
    """
query Services($window: TimeWindow, $days: Int, $minutes: Int, $timezone: String, $limit: Int) {
  services(window: $window, days: $days, minutes: $minutes, timezone: $timezone, limit: $limit) {
    name sources lastSeen callsPerMinute rejected lastRejection { at text }
    figures { ...FiguresAll }
  }
}
"""
    + _FIGURES
)

_CHAIN_VERSION = """
fragment ChainVersionAll on ChainVersion { id version document labels createdAt }
"""
_CHAIN_STEP = """
fragment ChainStepAll on ChainStep {
  id name order type promptId version label params config inputMapping outputKey tags when timeoutMs retries onError
}
"""
_CHAIN_ROW = """
fragment ChainRow on Chain {
  id name description isActive isPublic intentTags requiredInputs createdAt updatedAt archivedAt forkedFrom
  labels { label version } latestVersion { id version createdAt }
}
"""
_CHAIN = (
    "fragment ChainAll on Chain { ...ChainRow document draftChanged steps { ...ChainStepAll } }"
    + _CHAIN_ROW
    + _CHAIN_STEP
)
CHAINS = (
    """
query Chains($mine: Boolean, $limit: Int, $offset: Int, $search: String, $archived: Boolean) {
  chains(mine: $mine, limit: $limit, offset: $offset, search: $search, archived: $archived) {
    ...ChainRow steps { id name order type promptId outputKey tags }
  }
}
"""
    + _CHAIN_ROW
)
CHAIN = "query Chain($id: ID!) { chain(id: $id) { ...ChainAll } }" + _CHAIN
CHAIN_VERSIONS = (
    "query ChainVersions($id: ID!, $limit: Int)"
    " { chain(id: $id) { versions(limit: $limit) { ...ChainVersionAll } } }" + _CHAIN_VERSION
)
CHAIN_FILE = "query ChainFile($id: ID!) { chain(id: $id) { yaml } }"
CHAIN_VERSION_FILE = (
    "query ChainVersionFile($id: ID!, $version: Int!) { chain(id: $id) { version(number: $version) { yaml } } }"
)
CHAIN_DIFF = "query ChainDiff($id: ID!, $from: Int!, $to: Int!) { chain(id: $id) { diff(from: $from, to: $to) } }"
CHAIN_FILE_DIFF = "query ChainFileDiff($id: ID!, $yaml: String!) { chain(id: $id) { fileDiff(yaml: $yaml) } }"
CREATE_CHAIN = "mutation CreateChain($input: CreateChainInput!) { createChain(input: $input) { ...ChainAll } }" + _CHAIN
UPDATE_CHAIN = (
    "mutation UpdateChain($id: ID!, $input: UpdateChainInput!) { updateChain(id: $id, input: $input) { ...ChainAll } }"
    + _CHAIN
)
CREATE_CHAIN_STEP = (
    "mutation CreateChainStep($input: CreateChainStepInput!) { createChainStep(input: $input) { ...ChainStepAll } }"
    + _CHAIN_STEP
)
UPDATE_CHAIN_STEP = (
    "mutation UpdateChainStep($chain: ID!, $id: ID!, $input: ChainStepInput!)"
    " { updateChainStep(chainId: $chain, id: $id, input: $input) { ...ChainStepAll } }" + _CHAIN_STEP
)
DELETE_CHAIN_STEP = (
    "mutation DeleteChainStep($chain: ID!, $id: ID!) { deleteChainStep(chainId: $chain, id: $id) { ...ChainAll } }"
    + _CHAIN
)
CREATE_CHAIN_VERSION = (
    "mutation CreateChainVersion($input: CreateChainVersionInput!)"
    " { createChainVersion(input: $input) { ...ChainVersionAll } }" + _CHAIN_VERSION
)
APPLY_CHAIN = (
    """
mutation ApplyChain($yaml: String!, $name: String, $label: String) {
  applyChain(yaml: $yaml, name: $name, label: $label) {
    created changed version { ...ChainVersionAll } chain { ...ChainAll }
  }
}
"""
    + _CHAIN_VERSION
    + _CHAIN
)
VALIDATE_CHAIN = """
mutation ValidateChain($input: ValidateChainInput!) {
  validateChain(input: $input) { valid name document problems { step path line message severity } }
}
"""
SET_CHAIN_LABEL = (
    "mutation SetChainLabel($id: ID!, $label: String!, $version: Int!)"
    " { setChainLabel(chainId: $id, label: $label, version: $version) { ...ChainAll } }" + _CHAIN
)
REMOVE_CHAIN_LABEL = (
    "mutation RemoveChainLabel($id: ID!, $label: String!)"
    " { removeChainLabel(chainId: $id, label: $label) { ...ChainAll } }" + _CHAIN
)
ARCHIVE_CHAIN = "mutation ArchiveChain($id: ID!) { archiveChain(id: $id) { ...ChainAll } }" + _CHAIN
RESTORE_CHAIN = "mutation RestoreChain($id: ID!) { restoreChain(id: $id) { ...ChainAll } }" + _CHAIN
FORK_CHAIN = (
    "mutation ForkChain($id: ID!, $name: String!, $version: Int)"
    " { forkChain(id: $id, name: $name, version: $version) { ...ChainAll } }" + _CHAIN
)
_CHAIN_LIST = """
query ChainExecutions(
  $limit: Int, $offset: Int, $after: String, $chainId: ID, $status: ExecutionStatus, $filter: ChainExecutionFilter
) {
  chainExecutions(
    limit: $limit, offset: $offset, after: $after, chainId: $chainId, status: $status, filter: $filter
  ) {
"""
CHAIN_EXECUTIONS = _CHAIN_LIST + "...ChainExecutionRow } }" + _CHAIN_EXECUTION_ROW
CHAIN_EXECUTIONS_ALL = (
    _CHAIN_LIST + "...ChainExecutionRow input output metadata steps { input output error } } }" + _CHAIN_EXECUTION_ROW
)
CHAIN_EXECUTION = (
    "query ChainExecution($id: ID!) { chainExecution(id: $id) { ...ChainExecutionAll } }" + _CHAIN_EXECUTION
)
EXECUTE_CHAIN = (
    "mutation ExecuteChain($input: ExecuteChainInput!) { executeChain(input: $input) { ...ChainExecutionAll } }"
    + _CHAIN_EXECUTION
)
EXECUTE_CHAIN_STREAM = (
    """
subscription ExecuteChainStream($input: ExecuteChainInput!) {
  executeChainStream(input: $input) {
    kind
    step {
      name order type status input output error errorType offsetMs latencyMs cost costExact costDisplay costState
      tokenIn tokenOut tag reusedFrom executionId
    }
    chainExecution { ...ChainExecutionAll }
  }
}
"""
    + _CHAIN_EXECUTION
)
FORK_CHAIN_EXECUTION = (
    """
mutation ForkChainExecution(
  $id: ID!, $fromStep: String!, $version: Int, $label: String, $overrides: JSON, $wait: Boolean
) {
  forkChainExecution(
    id: $id, fromStep: $fromStep, version: $version, label: $label, overrides: $overrides, wait: $wait
  ) { ...ChainExecutionAll }
}
"""
    + _CHAIN_EXECUTION
)
CANCEL_CHAIN_EXECUTION = (
    "mutation CancelChainExecution($id: ID!) { cancelChainExecution(id: $id) { ...ChainExecutionAll } }"
    + _CHAIN_EXECUTION
)

KEYS = "query Keys { me { keys { ...KeyAll } } }" + _KEY
CREATE_KEY = (
    "mutation CreateKey($input: CreateKeyInput!) { createKey(input: $input) { secret key { ...KeyAll } } }" + _KEY
)
REVOKE_KEY = "mutation RevokeKey($id: ID!) { revokeKey(id: $id) { ...KeyAll } }" + _KEY
_RETENTION = """
fragment RetentionAll on Retention {
  content defaultDays rules { days promptId prompt { name } tagKey tagValue errors } keys { keyId content }
}
"""
RETENTION = "query Retention { retention { ...RetentionAll } }" + _RETENTION
SET_RULE = (
    """
mutation SetRule($days: Int, $promptId: ID, $tagKey: String, $tagValue: String, $errors: Boolean!) {
  setRetentionRule(days: $days, promptId: $promptId, tagKey: $tagKey, tagValue: $tagValue, errors: $errors) {
    ...RetentionAll
  }
}
"""
    + _RETENTION
)
REMOVE_RULE = (
    """
mutation RemoveRule($promptId: ID, $tagKey: String, $tagValue: String, $errors: Boolean!) {
  removeRetentionRule(promptId: $promptId, tagKey: $tagKey, tagValue: $tagValue, errors: $errors) { ...RetentionAll }
}
"""
    + _RETENTION
)
SET_CONTENT = (
    "mutation SetContent($policy: ContentPolicy!, $keyId: ID)"
    " { setContentPolicy(policy: $policy, keyId: $keyId) { ...RetentionAll } }" + _RETENTION
)
SECRETS = "query Secrets { secrets { name updatedAt } }"
SET_SECRET = (
    "mutation SetSecret($name: String!, $value: String!) { setSecret(name: $name, value: $value) { name updatedAt } }"  # noqa: S105
)
REMOVE_SECRET = "mutation RemoveSecret($name: String!) { removeSecret(name: $name) }"  # noqa: S105
PRUNE = """
mutation Prune($before: DateTime!, $dryRun: Boolean!) {
  pruneExecutions(before: $before, dryRun: $dryRun) {
    executions chainExecutions days first last costUsd costDisplay
  }
}
"""
CREATE_LOGIN_LINK = "mutation CreateLoginLink { createLoginLink }"
ERASE_END_USER = (
    "mutation EraseEndUser($endUser: String!) { eraseEndUser(endUser: $endUser) "
    "{ executions chainExecutions memories unreadable } }"
)
REMOVE_DEMO = "mutation RemoveDemo { removeDemo }"
