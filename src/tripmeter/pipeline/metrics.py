"""What the data plane measures, for `/metrics`."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

_COMMIT_BUCKETS = (
    "0.0005",
    "0.001",
    "0.0025",
    "0.005",
    "0.01",
    "0.025",
    "0.05",
    "0.1",
    "0.25",
    "0.5",
    "1",
    "2.5",
)
_DELIVERY_BUCKETS = (
    "0.001",
    "0.0025",
    "0.005",
    "0.01",
    "0.025",
    "0.05",
    "0.1",
    "0.5",
    "1",
    "5",
    "30",
)

EVENTS_COUNTED = Counter(
    "tripmeter_meter_events_counted", "Meter events counted.", registry=REGISTRY
)
EVENTS_REFUSED = Counter(
    "tripmeter_meter_events_refused",
    "Meter events refused, by reason.",
    ["code"],
    registry=REGISTRY,
)
ALERTS_FIRED = Counter("tripmeter_alerts_fired", "Alerts fired.", registry=REGISTRY)
COMMIT_SECONDS = Histogram(
    "tripmeter_commit_seconds",
    "Time of one group commit.",
    buckets=_COMMIT_BUCKETS,
    registry=REGISTRY,
)
QUEUE_DEPTH = Gauge(
    "tripmeter_writer_queue_depth", "Requests that wait for the writer.", registry=REGISTRY
)
DELIVERY_ATTEMPTS = Counter(
    "tripmeter_webhook_attempts", "Webhook attempts, by outcome.", ["outcome"], registry=REGISTRY
)
DELIVERY_SECONDS = Histogram(
    "tripmeter_webhook_first_attempt_seconds",
    "From the event to the answer to its first attempt.",
    buckets=_DELIVERY_BUCKETS,
    registry=REGISTRY,
)
ACTION_ATTEMPTS = Counter(
    "tripmeter_action_attempts",
    "Attempts at messages of alerts, by type of action and outcome.",
    ["type", "outcome"],
    registry=REGISTRY,
)
OUTBOX_DEPTH = Gauge("tripmeter_outbox_depth", "Deliveries that are pending.", registry=REGISTRY)
HTTP_REQUESTS = Counter(
    "tripmeter_http_requests", "Requests answered, by status class.", ["status"], registry=REGISTRY
)
CONNECTIONS = Gauge("tripmeter_http_connections", "Connections that are open.", registry=REGISTRY)
CONNECTIONS_ENDED = Counter(
    "tripmeter_http_connections_ended",
    "Connections ended because a head, a body or an answer took too long, or for idleness.",
    ["phase"],
    registry=REGISTRY,
)
REQUESTS_REFUSED = Counter(
    "tripmeter_requests_refused",
    "Requests and connections refused because of overload, by what was used up.",
    ["reason"],
    registry=REGISTRY,
)
