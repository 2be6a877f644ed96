"""What the client asks of the API about providers of models."""

_PROVIDER = """
  name title preset own ready why keySource keyName keySetAt address needs proxyCredentials
  state { running waiting breaker failures openSince retryAt }
  settings {
    baseUrl region project apiVersion atOnce requestsPerMinute tokensPerMinute connectTimeoutMs idleTimeoutMs
    proxy ca updatedAt
  }
"""
PROVIDERS = f"query Providers {{ providers {{ {_PROVIDER} }} }}"
SAVE_PROVIDER = f"""
mutation SaveProvider($input: SaveProviderInput!) {{ saveProvider(input: $input) {{ {_PROVIDER} }} }}
"""
REMOVE_PROVIDER = "mutation RemoveProvider($name: String!) { removeProvider(name: $name) }"
SET_PROVIDER_KEY = f"""
mutation SetProviderKey($name: String!, $key: String!) {{ setProviderKey(name: $name, key: $key) {{ {_PROVIDER} }} }}
"""
REMOVE_PROVIDER_KEY = f"""
mutation RemoveProviderKey($name: String!) {{ removeProviderKey(name: $name) {{ {_PROVIDER} }} }}
"""
TEST_PROVIDER = """
mutation TestProvider($name: String!) { testProvider(name: $name) { ok latencyMs problem errorType models } }
"""
PROVIDER_MODELS = "query ProviderModels($provider: String!) { providerModels(provider: $provider) }"
