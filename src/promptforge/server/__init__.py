"""The server's doors: GraphQL over HTTP and websockets, the dashboard, health. Doors parse, call a service and show."""
