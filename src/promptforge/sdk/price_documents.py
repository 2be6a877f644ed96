"""What ``client.prices`` asks, as GraphQL documents."""

_PRICE = """
fragment PriceAll on Price {
  id provider model terms validFrom validUntil active note createdAt createdBy
  rates { unit usd per rounded tiers { aboveInput usd } }
}
"""
PRICES = (
    "query Prices($search: String, $ended: Boolean!) { prices(search: $search, ended: $ended) { ...PriceAll } }"
    + _PRICE
)
PRICES_CSV = "query PricesCsv($ended: Boolean!) { pricesCsv(ended: $ended) }"
PRICE_OF = """
query PriceOf($provider: String!, $model: String!, $at: DateTime, $terms: JSON) {
  priceOf(provider: $provider, model: $model, at: $at, terms: $terms) {
    source validFrom rates { unit usd per rounded tiers { aboveInput usd } }
  }
}
"""
UNPRICED = """
query Unpriced($window: TimeWindow, $days: Int, $timezone: String) {
  unpriced(window: $window, days: $days, timezone: $timezone) {
    models { provider model figures { calls tokenIn tokenOut } }
  }
}
"""
ADD_PRICE = "mutation AddPrice($input: PriceInput!) { addPrice(input: $input) { ...PriceAll } }" + _PRICE
IMPORT_PRICES = "mutation ImportPrices($csv: String!) { importPrices(csv: $csv) { ...PriceAll } }" + _PRICE
END_PRICE = "mutation EndPrice($id: ID!, $at: DateTime) { endPrice(id: $id, at: $at) { ...PriceAll } }" + _PRICE
